#!/usr/bin/env python3
"""Sends every naughty string as name, attribute, tag and event property through import, mail, report, export and back.

Once as JSON lines and once as CSV, each string in several columns.

Each mail must have the headers and elements of a mail to somebody harmless, and say what the contact is called.
"""
import argparse, contextlib, csv, email, email.policy, glob, html.parser, io, json, os, re, sqlite3, subprocess, sys, tempfile
import unicodedata
from collections import Counter

HEADERS = ["from", "to", "subject", "date", "message-id", "mime-version", "list-unsubscribe", "list-id"]
TEMPLATE = """---
subject: "Hi {{first_name}}"
preheader: "For {{city}}"
---
# {{first_name}}

[{{city}}]({{url "https://acme.example/a" q=first_name}}) {{upper city}}

| a | b |
| --- | --- |
| {{event.item}} | {{truncate city 20}} |

[name: {{first_name}} :name]

[city: {{city}} :city]

[item: {{event.item}} :item]

{{postal_address}} [Stop]({{unsubscribe_url}})
"""


class Elements(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found, self.attributes = Counter(), Counter()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found[tag] += 1
        for name, value in attributes:
            self.attributes[name] += 1
            if name == "href" and not (value or "").startswith(("https:", "mailto:")):
                self.attributes["wrong href"] += 1


def shown(text):
    """What is left of a text wherever it is shown: one line, no invisible signs, in NFC."""
    keep = (c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c) not in ("Cc", "Cf", "Zl", "Zp"))
    return "".join("".join(keep).split())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drip", required=True)
    parser.add_argument("--data", required=True, help="the folder that holds strings/blns/blns.json")
    arguments = parser.parse_args()
    drip = os.path.abspath(arguments.drip)
    path = next(iter(glob.glob(os.path.join(arguments.data, "strings", "**", "*.json"), recursive=True)))
    strings = [text for text in json.load(open(path, encoding="utf-8")) if text.strip()]
    wrong = 0
    for form in ("jsonl", "csv"):
        with tempfile.TemporaryDirectory() as folder:
            wrong += play(drip, folder, ["harmless"] + strings, form)
    sys.exit(1 if wrong else 0)


def of_contacts(people, form):
    """Each string as name, city, another attribute and tag."""
    if form == "jsonl":
        return "".join(line(email=who, first_name=text, city=text, note=text, tags=[text]) for who, text in people)
    return table([["email", "first_name", "city", "note", "tags"]] + [[who, text, text, text, text] for who, text in people])


def of_events(people, form):
    if form == "jsonl":
        return "".join(line(email=who, event="go", time="2026-03-01T09:00:00Z", item=text) for who, text in people)
    return table([["email", "event", "time", "item"]] + [[who, "go", "2026-03-01T09:00:00Z", text] for who, text in people])


def line(**fields):
    return json.dumps(fields, ensure_ascii=False) + "\n"


def table(rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def addresses(path, form):
    """Returns whose rows lie in a file of rejected ones."""
    if not os.path.exists(path):
        return set()
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = map(json.loads, file) if form == "jsonl" else csv.DictReader(file)
        return {row["email"] for row in rows}


def there_and_back(run, folder, people):
    """Exports everyone and imports the file into a new project: whoever comes back is who left."""
    wrong = []
    run("contact", "export", "--all", "out.csv")
    with open(os.path.join(folder, "out.csv"), encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            for name in ("first_name", "city", "note"):
                if row[name].lstrip().startswith(("=", "+", "-", "@")) and not number(row[name]):
                    wrong.append(f"{row[name]!r} is a formula in {name} of the export")
    attributes = "SELECT email, attributes, tags FROM v_contacts ORDER BY email"
    before = ask(os.path.join(folder, "drip.db"), attributes)
    if len(before) != len(people):
        wrong.append(f"{len(before)} contacts of {len(people)}")
    for name in ("drip.db", "drip.db-wal", "drip.db-shm", "drip.lock"):
        if os.path.exists(os.path.join(folder, name)):
            os.rename(os.path.join(folder, name), os.path.join(folder, "old-" + name))
    run("import", "out.csv")
    after = ask(os.path.join(folder, "drip.db"), attributes)
    wrong += [f"{one!r} comes back as {other!r}" for one, other in zip(before, after) if one != other]
    for name in ("drip.db", "drip.db-wal", "drip.db-shm", "drip.lock"):
        if os.path.exists(os.path.join(folder, "old-" + name)):
            os.replace(os.path.join(folder, "old-" + name), os.path.join(folder, name))
    return wrong


def number(text):
    try:
        float(text)
        return True
    except ValueError:
        return False


def ask(database, query):
    with contextlib.closing(sqlite3.connect(database)) as ledger:
        return [(who, json.loads(attributes), sorted(json.loads(tags))) for who, attributes, tags in ledger.execute(query)]


def play(drip, folder, strings, form):
    def write(path, text):
        path = os.path.join(folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text)

    def run(*words, codes=(0,)):
        done = subprocess.run([drip, *words], cwd=folder, capture_output=True)
        assert done.returncode in codes, (words, done.returncode, done.stderr[-2000:])
        assert b"panicked" not in done.stderr
        return done.stdout.decode()

    write("drip.yaml", "from: Acme <hello@acme.example>\npostal_address: 12 Main Street\n")
    write("campaigns/w.yaml", "trigger: { event: go }\nexisting: include\nsteps: [{ id: a, send: mail }]\n")
    write("templates/mail.md", TEMPLATE)
    people = [(f"p{index}@example.com", text) for index, text in enumerate(strings)]
    refused = {}
    for name, written in (("contacts", of_contacts(people, form)), ("events", of_events(people, form))):
        write(f"{name}.{form}", written)
        run("--now", "2026-03-01T08:00:00Z", "import", f"{name}.{form}", codes=(0, 4))
        refused[name] = addresses(os.path.join(folder, f"{name}.rejected.{form}"), form)
    # Nobody hears of a contact who is not there.
    assert refused["events"] >= refused["contacts"], refused
    rejected = refused["events"]
    people = [(who, text) for who, text in people if who not in rejected]
    run("--now", "2026-03-01T10:00:00Z", "run", codes=(0, 6))
    report = run("report") + run("contact", "list") + "".join(run("contact", "show", who) for who, _ in people)
    wrong = [f"the report holds {char!r}" for char in set(report) if unicodedata.category(char) == "Cc" and char != "\n"]
    if form == "csv":
        wrong += there_and_back(run, folder, people)
    by_person = dict(people)
    mails = {}
    for path in glob.glob(f"{folder}/outbox/new/*"):
        mail = email.message_from_bytes(open(path, "rb").read(), policy=email.policy.default)
        mails[mail["to"].addresses[0].addr_spec] = mail
    # A cell of CSV that is plainly a number, or yes or no, is one, and is shown as one.
    typed = set()
    with contextlib.closing(sqlite3.connect(os.path.join(folder, "drip.db"))) as ledger:
        for who, properties in ledger.execute("SELECT email, properties FROM events e JOIN contacts c ON c.id = e.contact_id"):
            if not isinstance(json.loads(properties)["item"], str):
                typed.add(who)
                if not re.fullmatch(r"-?\$?[\d., ]+|true|false", by_person[who].strip(), re.I):
                    wrong.append(f"{by_person[who]!r} was taken for {properties}")
    looks = {}
    for who, mail in mails.items():
        counts = Counter(name.lower() for name in mail.keys())
        if any(counts[name] != 1 for name in HEADERS) or counts["bcc"] or counts["cc"]:
            wrong.append(f"{by_person[who]!r}: headers {counts}")
        parts = {part.get_content_type(): part.get_content() for part in mail.walk() if not part.is_multipart()}
        look = Elements(parts["text/html"])
        looks[who] = (look.found, look.attributes)
        if look.attributes["wrong href"]:
            wrong.append(f"{by_person[who]!r}: a link leads elsewhere")
        for value in ("name", "city", "item"):
            # Each by itself, between marks that no string has.
            said = re.search(rf"\[{value}:\s(.*?)\s:{value}\]", parts["text/plain"], re.S)
            if value == "item" and who in typed:
                continue
            if not said or shown(by_person[who]) != shown(said.group(1)):
                wrong.append(f"{by_person[who]!r} reads otherwise as {value}: {said and said.group(1)!r}")
        if shown("Hi" + by_person[who])[:100] not in shown(str(mail["subject"])):
            wrong.append(f"{by_person[who]!r} reads otherwise in the subject: {mail['subject']!r}")
    for who, look in looks.items():
        if look != looks["p0@example.com"]:
            wrong.append(f"{by_person[who]!r}: other elements than for somebody harmless")
    held = len(people) - len(mails)
    print(f"{form}: {len(strings)} strings: {len(mails)} mails, {len(rejected)} rows rejected, {held} without a mail, {len(wrong)} wrong")
    for complaint in wrong[:20]:
        print("  " + complaint)
    return len(wrong) + held


main()
