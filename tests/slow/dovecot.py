#!/usr/bin/env python3
"""Reads a real Dovecot (Debian) with `drip inbound --imap`, over TLS and over loopback in the clear.

Dovecot runs on loopback with a folder, users and a certificate of its own. Run as root, as Dovecot wants.
"""
import argparse, email.utils, glob, imaplib, os, pwd, shutil, signal, socket, ssl, subprocess, sys, tempfile, time

sys.dont_write_bytecode = True

from ports import free_port  # noqa: E402

CONFIG = """base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
disable_plaintext_auth = yes
auth_mechanisms = plain login
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 1
default_login_user = nobody
default_internal_user = {user}
default_internal_group = {group}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {tls}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""
DRIP = "from: Acme <hello@acme.example>\npostal_address: 12 Lý Thường Kiệt, Hà Nội\nbounce_address: bounces@acme.example\nfrequency_cap: none\n"
CAMPAIGN = "trigger: { tag: go }\nexisting: include\nsteps: [{ id: hello, send: mail, hours: \"00:00-24:00\" }]\n"
MAIL = "---\nsubject: Hello\n---\nHello\n\n{{postal_address}} [Leave]({{unsubscribe_url}})\n"
PASSWORD = 'p"w\\ữ s3cret'


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drip", required=True)
    drip = os.path.abspath(parser.parse_args().drip)
    if os.geteuid() != 0:
        sys.exit("Dovecot is started by root alone")
    folder = tempfile.mkdtemp()
    os.chmod(folder, 0o755)
    config = os.path.join(folder, "dovecot.conf")
    try:
        play(folder, config, drip)
    finally:
        if os.path.exists(f"{folder}/run/master.pid"):
            os.kill(int(open(f"{folder}/run/master.pid").read()), signal.SIGTERM)
        shutil.rmtree(folder, ignore_errors=True)


def play(folder, config, drip):
    owner = pwd.getpwnam("nobody")
    plain, tls = free_port(), free_port()
    write = lambda path, text: (os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True), open(os.path.join(folder, path), "w", encoding="utf-8").write(text))
    openssl = lambda *words: subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=Authority")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    write("extensions", "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.pem", "-days", "20", "-extfile", "extensions")
    internal = pwd.getpwnam("dovecot")
    write("dovecot.conf", CONFIG.format(folder=folder, plain=plain, tls=tls, uid=owner.pw_uid, gid=owner.pw_gid, user=internal.pw_name, group="dovecot"))
    write("users", f"bounces:{{PLAIN.B64}}{__import__('base64').b64encode(PASSWORD.encode()).decode()}\n")
    os.chmod(os.path.join(folder, "users"), 0o644)
    os.makedirs(os.path.join(folder, "mail"))
    os.chown(os.path.join(folder, "mail"), owner.pw_uid, owner.pw_gid)
    logged = lambda: open(os.path.join(folder, "log"), encoding="utf-8").read() if os.path.exists(os.path.join(folder, "log")) else ""
    # To files: whoever goes on in the background would keep a pipe open.
    with open(os.path.join(folder, "said"), "w+", encoding="utf-8") as said:
        if subprocess.run(["dovecot", "-c", config], stdin=subprocess.DEVNULL, stdout=said, stderr=said).returncode:
            said.seek(0)
            sys.exit(f"dovecot: {said.read()}{logged()}")
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", tls), timeout=5).close()
            break
        except OSError:
            if time.monotonic() > end:
                sys.exit(f"dovecot does not listen\n{logged()}")
            time.sleep(0.1)

    # The project, whose mails lie in its outbox.
    write("shop/drip.yaml", DRIP)
    write("shop/campaigns/w.yaml", CAMPAIGN)
    write("shop/templates/mail.md", MAIL)
    names = ["dead", "full", "writes"]
    write("shop/people.csv", "email,tags\n" + "".join(f"{name}@example.com,go\n" for name in names))
    write("shop/password", PASSWORD + "\n")
    project = os.path.join(folder, "shop")

    def run(*words, code=0, **variables):
        done = subprocess.run([drip, *words], cwd=project, capture_output=True, text=True, env={"PATH": os.environ["PATH"], "SSL_CERT_FILE": f"{folder}/ca.pem", **variables})
        if done.returncode != code or PASSWORD in done.stderr:
            sys.exit(f"drip {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}{logged()}")
        return done.stderr + done.stdout

    run("-q", "import", "people.csv")
    run("-q", "run")
    sent = {}
    for path in glob.glob(f"{project}/outbox/new/*"):
        mail = email.message_from_file(open(path, encoding="utf-8"))
        sent[email.utils.parseaddr(mail["To"])[1].split("@")[0]] = mail

    def report(name, status, says):
        mail = sent[name]
        # The outbox has no envelope; without an address for bounces the Message-ID and the recipient are the proof.
        return (f"From: MAILER-DAEMON@mx.example.net\r\nTo: bounces@acme.example\r\nSubject: Undelivered Mail Returned to Sender\r\nMIME-Version: 1.0\r\n"
                f"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n<{name}@example.com>: {says}\r\n\r\n"
                f"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net\r\n\r\nFinal-Recipient: rfc822; {name}@example.com\r\nAction: failed\r\n"
                f"Status: {status}\r\nDiagnostic-Code: smtp; {says}\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {mail['Message-ID']}\r\nTo: {name}@example.com\r\n\r\n--b--\r\n")

    reply = f"From: writes@example.com\r\nTo: hello@acme.example\r\nSubject: Re: Hello\r\nIn-Reply-To: {sent['writes']['Message-ID']}\r\n\r\nYes, please.\r\n"
    write("shop/drip.yaml", DRIP.replace("bounce_address: bounces@acme.example\n", "") + f'imap: {{ url: "imaps://bounces@localhost:{tls}/INBOX", password_command: cat password }}\n')

    context = ssl.create_default_context(cafile=f"{folder}/ca.pem")
    def mailbox():
        there = imaplib.IMAP4_SSL("localhost", tls, ssl_context=context)
        there.authenticate("PLAIN", lambda _: f"\0bounces\0{PASSWORD}".encode())
        return there

    def put(*messages, folder="INBOX"):
        with mailbox() as there:
            there.create(folder)
            for message in messages:
                there.append(folder, None, None, message.encode())

    def flags(folder="INBOX"):
        with mailbox() as there:
            there.select(folder, readonly=True)
            everything, unseen = there.search(None, "ALL")[1][0].split(), there.search(None, "UNSEEN")[1][0].split()
            return len(everything), len(unseen)

    wrong = []
    def expect(what, found, expected):
        print(f"{'ok' if found == expected else 'WRONG'}: {what}")
        if found != expected:
            wrong.append(f"{what}: {found}, not {expected}")

    put(report("dead", "5.1.1", "550 5.1.1 user unknown"), reply, report("full", "4.2.2", "452 4.2.2 mailbox full"))
    said = run("inbound", "--imap")
    expect("three messages over TLS", said.splitlines()[0], "1 hard bounce, 1 soft bounce and 1 reply.")
    expect("they are read, and still there", flags(), (3, 0))
    expect("nothing a second time", run("inbound", "--imap"), "No message.\n")
    put(reply.replace("Yes", "No"), "x: y\r\n\r\n" + "A line of a long letter.\r\n" * 420_000, folder='"Other box"')
    said = run("inbound", "--imap", f"imaps://bounces@127.0.0.1:{tls}/Other%20box")
    expect("another mailbox, with a message above the limit", (said.splitlines()[0], flags('"Other box"')), ("1 reply and 1 other mail.", (2, 0)))
    put(reply.replace("Yes", "Perhaps"))
    said = run("inbound", "--imap", f"imap://bounces@127.0.0.1:{plain}/")
    expect("this machine in the clear", said.splitlines()[0], "1 reply.")
    said = run("inbound", "--imap", f"imaps://bounces@localhost:{tls}/Nowhere", code=2)
    expect("a mailbox that is not there", "has no mailbox `Nowhere`" in said, True)
    said = run("inbound", "--imap", code=2, DRIP_IMAP_URL=f"imaps://bounces:wrong@localhost:{tls}/")
    expect("a wrong password", "refused the login of `bounces`" in said and "wrong" not in said.split("refused")[0], True)
    said = run("inbound", "--imap", code=2, SSL_CERT_FILE="/dev/null")
    expect("a certificate of nobody", "no safe connection" in said, True)
    if wrong:
        sys.exit("\n".join(wrong) + "\n" + logged())


main()
