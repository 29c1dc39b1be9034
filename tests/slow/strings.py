#!/usr/bin/env python3
"""Sends every naughty string as name, attribute, tag and event property through import, mail and report.

Each mail must have the headers and elements of a mail to somebody harmless, and say what the contact is called.
"""
import argparse, email, email.policy, glob, html.parser, json, os, subprocess, sys, tempfile, unicodedata
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
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(1 if play(drip, folder, ["harmless"] + strings) else 0)


def play(drip, folder, strings):
    def write(path, text):
        path = os.path.join(folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def run(*words, codes=(0,)):
        done = subprocess.run([drip, *words], cwd=folder, capture_output=True)
        assert done.returncode in codes, (words, done.returncode, done.stderr[-2000:])
        assert b"panicked" not in done.stderr
        return done.stdout.decode()

    write("drip.yaml", "from: Acme <hello@acme.example>\npostal_address: 12 Main Street\n")
    write("campaigns/w.yaml", "trigger: { event: go }\nexisting: include\nsteps: [{ id: a, send: mail }]\n")
    write("templates/mail.md", TEMPLATE)
    line = lambda **fields: json.dumps(fields, ensure_ascii=False) + "\n"
    people = [(f"p{index}@example.com", text) for index, text in enumerate(strings)]
    write("contacts.jsonl", "".join(line(email=who, first_name=text, city=text, tags=[text]) for who, text in people))
    write("events.jsonl", "".join(line(email=who, event="go", time="2026-03-01T09:00:00Z", item=text) for who, text in people))
    run("--now", "2026-03-01T08:00:00Z", "import", "contacts.jsonl", "events.jsonl", codes=(0, 4))
    rejected = 0
    for name in ["contacts.rejected.jsonl", "events.rejected.jsonl"]:
        if os.path.exists(os.path.join(folder, name)):
            rejected += sum(1 for _ in open(os.path.join(folder, name), encoding="utf-8")) if name.startswith("contacts") else 0
    run("--now", "2026-03-01T10:00:00Z", "run", codes=(0, 6))
    report = run("report") + run("contact", "list") + "".join(run("contact", "show", who) for who, _ in people[:rejected or None][:40])
    wrong = [f"the report holds {char!r}" for char in set(report) if unicodedata.category(char) == "Cc" and char != "\n"]
    by_person = dict(people)
    mails = {}
    for path in glob.glob(f"{folder}/outbox/new/*"):
        mail = email.message_from_bytes(open(path, "rb").read(), policy=email.policy.default)
        mails[mail["to"].addresses[0].addr_spec] = mail
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
        if shown(by_person[who]) not in shown(parts["text/plain"]):
            wrong.append(f"{by_person[who]!r} reads otherwise in the text")
        if shown("Hi" + by_person[who])[:100] not in shown(str(mail["subject"])):
            wrong.append(f"{by_person[who]!r} reads otherwise in the subject: {mail['subject']!r}")
    for who, look in looks.items():
        if look != looks["p0@example.com"]:
            wrong.append(f"{by_person[who]!r}: other elements than for somebody harmless")
    held = len(people) - rejected - len(mails)
    print(f"{len(people)} strings: {len(mails)} mails, {rejected} rows rejected, {held} without a mail, {len(wrong)} wrong")
    for complaint in wrong[:20]:
        print("  " + complaint)
    return wrong or held


main()
