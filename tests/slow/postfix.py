#!/usr/bin/env python3
"""Sends through a real Postfix to another real Postfix, and hears through an alias what that sends back.

Two instances of Postfix (Debian) run on loopback, each with a folder, a queue and ports of its own: the relay that drip
sends through, whose alias pipes bounces into `drip inbound`, and the server of those who are written to: unknown,
over their quota, greylisted, moved, and well. Run as root, as Postfix wants. Talks to nobody but this machine.
"""
import argparse, json, os, pwd, shutil, socket, socketserver, sqlite3, subprocess, sys, tempfile, threading, time

sys.dont_write_bytecode = True

from ports import free_port  # noqa: E402

MONDAY, TUESDAY = "2026-03-02T02:00:00Z", "2026-03-03T02:00:00Z"
DRIP = """from: Acme <hello@acme.example>
postal_address: 12 Lý Thường Kiệt, Hà Nội
timezone: Asia/Ho_Chi_Minh
bounce_address: bounces@acme.example
frequency_cap: none
smtp: {{ url: "smtp://127.0.0.1:{port}", connections: 2 }}
"""
CAMPAIGN = """trigger: {{ tag: go }}
existing: include
steps:
  - {{ id: hello, send: {template}, hours: "00:00-24:00" }}
  - {{ id: more, delay: 1d, send: mail, hours: "00:00-24:00" }}
"""
MAIL = "---\nsubject: Hello\n---\nHello\n\n{body}\n\n{{{{postal_address}}}} [Leave]({{{{unsubscribe_url}}}})\n"
REFUSED = ["closed@customers.example 550 5.2.1 this mailbox is disabled", "rejected@customers.example 554 5.7.1 message refused by policy"]
PEOPLE = ["well", "unknown", "full", "quota", "grey", "moved", "closed", "rejected", "big"]


class Greylist(socketserver.StreamRequestHandler):
    """Postfix's policy protocol: whoever comes for the first time is put off."""

    seen = {}

    def handle(self):
        request = {}
        for line in self.rfile:
            line = line.decode().rstrip("\n")
            if line:
                name, _, value = line.partition("=")
                request[name] = value
                continue
            to = request.get("recipient", "")
            Greylist.seen[to] = Greylist.seen.get(to, 0) + 1
            first = to.startswith("grey@") and Greylist.seen[to] == 1
            answer = "450 4.2.0 Greylisted, please try again" if first else "DUNNO"
            self.wfile.write(f"action={answer}\n\n".encode())
            request = {}


class Postfix:
    """An instance with a configuration and a queue of its own."""

    def __init__(self, folder, name, port, settings, master=""):
        self.config, self.queue = os.path.join(folder, name), os.path.join(folder, name + "-queue")
        self.data, self.port, self.log = os.path.join(folder, name + "-data"), port, os.path.join(folder, name + ".log")
        for path in [self.config, self.queue, self.data]:
            os.makedirs(path)
        shutil.chown(self.data, "postfix")
        common = {
            "compatibility_level": "3.6", "queue_directory": self.queue, "data_directory": self.data, "maillog_file": self.log,
            "maillog_file_prefixes": folder, "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4", "mynetworks": "127.0.0.0/8",
            "myhostname": f"{name}.example", "mydestination": "", "alias_maps": "", "alias_database": "", "biff": "no",
            "smtp_host_lookup": "native", "smtp_dns_support_level": "disabled", "smtp_tls_security_level": "none",
            "smtputf8_enable": "no", "notify_classes": "", "minimal_backoff_time": "1s", "maximal_backoff_time": "2s", "queue_run_delay": "1s",
            "smtpd_recipient_restrictions": "permit_mynetworks, reject_unauth_destination",
        }
        self.write("main.cf", "".join(f"{key} = {value}\n" for key, value in {**common, **settings}.items()))
        self.write("master.cf", MASTER.format(port=port) + master)

    def write(self, name, text):
        with open(os.path.join(self.config, name), "w", encoding="utf-8") as file:
            file.write(text)

    def run(self, *words):
        done = subprocess.run(["postfix", "-c", self.config, *words], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"postfix {' '.join(words)}: {done.stderr}{self.logged()}")

    def logged(self):
        return open(self.log, encoding="utf-8").read() if os.path.exists(self.log) else ""

    def start(self):
        self.run("start")
        wait("Postfix listens", lambda: answers(self.port), self)

    def is_idle(self):
        listed = subprocess.run(["postqueue", "-c", self.config, "-j"], capture_output=True, text=True)
        return listed.returncode == 0 and not listed.stdout.strip()


# As Debian has it, without chroot and without what nobody here needs.
MASTER = """127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as there:
            return there.recv(100).startswith(b"220")
    except OSError:
        return False


def wait(what, is_so, *instances, seconds=60):
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            sys.exit(f"{what}: not after {seconds} s\n" + "\n".join(one.logged() for one in instances))
        time.sleep(0.1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drip", required=True)
    drip = os.path.abspath(parser.parse_args().drip)
    if os.geteuid() != 0:
        sys.exit("Postfix is started by root alone")
    policy = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Greylist)
    policy.daemon_threads = True
    threading.Thread(target=policy.serve_forever, daemon=True).start()
    folder = tempfile.mkdtemp()
    os.chmod(folder, 0o755)
    started = []
    try:
        play(folder, drip, policy.server_address[1], started)
    finally:
        for instance in started:
            subprocess.run(["postfix", "-c", instance.config, "stop"], capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def play(folder, drip, policy, started):
    project = os.path.join(folder, "tea-shop")
    os.makedirs(project)
    ports = free_port(), free_port()
    # The pipe of an alias runs as whoever owns the file of the aliases; the project is theirs.
    owner = pwd.getpwnam("nobody")
    program = os.path.join(folder, "drip")
    shutil.copy(drip, program)
    os.chmod(program, 0o755)

    # Those who are written to: mailboxes for some, a limit for all of them, and a table of who moved or is no more.
    boxes = os.path.join(folder, "boxes")
    os.makedirs(boxes)
    os.chown(boxes, owner.pw_uid, owner.pw_gid)
    def table(name, *lines):
        with open(os.path.join(folder, f"table-{name}"), "w", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
        return f"texthash:{file.name}"

    remote = Postfix(folder, "remote", ports[1], {
        "virtual_mailbox_domains": "customers.example", "virtual_mailbox_base": boxes, "virtual_mailbox_maps": table("boxes-of", *(f"{name}@customers.example {name}" for name in PEOPLE if name not in ("unknown", "moved"))),
        "virtual_uid_maps": f"static:{owner.pw_uid}", "virtual_gid_maps": f"static:{owner.pw_gid}",
        "virtual_mailbox_limit": "100000", "message_size_limit": "90000", "virtual_minimum_uid": "1",
        "relocated_maps": table("relocated", "moved@customers.example lan@elsewhere.example"),
        "transport_maps": table("transport", "quota@customers.example error:5.2.2 mailbox is over quota"),
        # Whoever is inside gets no special right here: the relay comes from loopback as well.
        "mynetworks": "192.0.2.0/24",
        "smtpd_recipient_restrictions": f"reject_unauth_destination, check_recipient_access {table('access', *REFUSED)}, "
            f"reject_unlisted_recipient, check_policy_service inet:127.0.0.1:{policy}",
        "relayhost": f"[127.0.0.1]:{ports[0]}",
    })
    # A file that is at its limit already.
    with open(os.path.join(boxes, "full"), "w", encoding="utf-8") as file:
        file.write("From a@b.example Mon Mar  2 09:00:00 2026\n\n" + "x" * 99_900 + "\n")
    os.chown(os.path.join(boxes, "full"), owner.pw_uid, owner.pw_gid)

    # As docs/inbound.md says it.
    aliases = table("aliases", f'bounces: "|{program} -q -C {project} --now {MONDAY} inbound"').removeprefix("texthash:")
    subprocess.run(["postalias", f"hash:{aliases}"], check=True)
    relay = Postfix(folder, "relay", ports[0], {
        "mydestination": "acme.example", "recipient_delimiter": "+", "alias_maps": f"hash:{aliases}", "local_recipient_maps": "",
        "relayhost": f"[127.0.0.1]:{ports[1]}", "default_privs": "nobody",
    })

    # The project.
    def write(path, text):
        path = os.path.join(project, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    write("drip.yaml", DRIP.format(port=ports[0]))
    write("campaigns/w.yaml", CAMPAIGN.format(template="mail"))
    write("campaigns/large.yaml", CAMPAIGN.format(template="large").replace("tag: go", "tag: big"))
    write("templates/mail.md", MAIL.format(body="How are you?"))
    write("templates/large.md", MAIL.format(body="A long letter. " * 7000))
    write("people.csv", "email,tags\n" + "".join(f"{name}@customers.example,{'big' if name == 'big' else 'go'}\n" for name in PEOPLE))
    for path, folders, files in os.walk(project):
        for name in [path, *(os.path.join(path, file) for file in files)]:
            os.chown(name, owner.pw_uid, owner.pw_gid)

    def run(*words, codes=(0,)):
        done = subprocess.run([program, *words], cwd=project, capture_output=True, text=True, user=owner.pw_uid, group=owner.pw_gid,
                              extra_groups=[], env={"PATH": os.environ["PATH"]})
        if done.returncode not in codes:
            sys.exit(f"drip {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}{relay.logged()}{remote.logged()}")
        return done.stdout

    run("-q", "--now", "2026-03-01T00:00:00Z", "import", "people.csv")
    for instance in [remote, relay]:
        started.append(instance)
        instance.start()
    run("-q", "--now", MONDAY, "run")

    def sql(text):
        with sqlite3.connect(f"file:{project}/drip.db?mode=ro", uri=True) as database:
            return [row[0] if len(row) == 1 else row for row in database.execute(text)]

    heard = lambda: dict(sql("SELECT replace(email, '@customers.example', ''), json_extract(properties, '$.reason') || iif(json_extract(properties, '$.hard'), ' hard', '') FROM v_events WHERE event = 'bounced'"))
    idle = lambda: relay.is_idle() and remote.is_idle()
    wait("all is delivered or came back", lambda: idle() and len(heard()) >= len(PEOPLE) - 2, relay, remote)

    wrong = []
    def expect(what, found, expected):
        print(f"{'ok' if found == expected else 'WRONG'}: {what}")
        if found != expected:
            wrong.append(f"{what}: {found}, not {expected}")

    expect("what each bounce was", heard(), {
        "unknown": "user_unknown hard", "full": "mailbox_full", "quota": "mailbox_full", "moved": "has_moved hard", "closed": "suspend",
        "rejected": "policy_violation", "big": "mesg_too_big",
    })
    consent = {name: json.loads(run("--json", "contact", "show", f"{name}@customers.example"))["consent"] for name in PEOPLE}
    dead = {"unknown", "moved"}
    expect("consent", consent, {name: "bounced" if name in dead else "subscribed" for name in PEOPLE})
    expect("every mail counts as sent", set(sql("SELECT state FROM v_sends")), {"sent"})
    expect("greylisting was met, and waited for", Greylist.seen.get("grey@customers.example", 0) >= 2, True)
    arrived = lambda name: open(os.path.join(boxes, name), encoding="utf-8").read().count("\nSubject: ") if os.path.exists(os.path.join(boxes, name)) else 0
    expect("who has a mail", [name for name in PEOPLE if name != "full" and arrived(name)], ["well", "grey"])
    expect("nothing is kept that a person should see", os.path.exists(os.path.join(project, "inbound", "new")) and os.listdir(os.path.join(project, "inbound", "new")), False)

    # The next run sends nothing to the dead.
    before = set(sql("SELECT id FROM sends"))
    run("-q", "--now", TUESDAY, "run")
    later = {row.split("@")[0] for row in sql("SELECT email FROM v_sends WHERE step = 'more' AND state = 'sent'")}
    expect("whom the next run writes to", later, set(PEOPLE) - dead)
    wait("all is delivered or came back again", lambda: idle(), relay, remote)
    logged = relay.logged().split("\n")
    lines = [line for line in logged if "postfix/smtp[" in line and "to=<unknown@" in line]
    expect("the relay saw one mail for the unknown", len(lines), 1)
    if wrong:
        sys.exit("\n".join(wrong) + "\n" + relay.logged() + remote.logged())


main()
