#!/usr/bin/env python3
"""Holds every mail of the examples and of the starter against what mail systems ask of bulk mail.

Plays each story, and thirty days of the starter, into outboxes, and looks at the bytes of each mail: by mail alone, and once
more with `public_url` and `tracking`, where the rules on unsubscribing by one click hold as well. The rules are numbered as in the
tables below. That it is not blind is shown first: each rule must find the fault in a good mail that was spoilt for it.

`--keep DIR` leaves the projects there.
"""
import argparse, contextlib, datetime, email, email.header, email.policy, email.utils, glob, html.parser, os, re, shutil, sqlite3
import subprocess, sys, tempfile, unicodedata

ONCE = ["from", "to", "subject", "date", "message-id", "mime-version"]
AT_MOST_ONCE = ["reply-to", "sender", "list-unsubscribe", "list-unsubscribe-post", "list-id", "feedback-id", "content-type",
                "content-transfer-encoding", "auto-submitted"]
PROVIDERS = {"gmail.com", "googlemail.com", "yahoo.com", "outlook.com", "hotmail.com", "live.com", "icloud.com", "aol.com"}
FALSE_REPLY = re.compile(r"^\s*(re|fwd?|tr|aw|sv)\s*:", re.I)
ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[bqBQ]\?[^?\s]*\?=")
LEAVE = re.compile(r"unsubscribe|hủy đăng ký|thôi nhận", re.I)


class Page(html.parser.HTMLParser):
    """The words and links of a page."""

    def __init__(self, text):
        super().__init__()
        self.words, self.links, self.hidden = [], [], 0
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        if tag in ("style", "script", "title"):
            self.hidden += 1
        self.links += [value or "" for name, value in attributes if name == "href" and tag in ("a", "area")]

    def handle_endtag(self, tag):
        if tag in ("style", "script", "title"):
            self.hidden -= 1

    def handle_data(self, text):
        if not self.hidden:
            self.words.append(text)


class Mail:
    def __init__(self, raw, sent, postal, notice, person, web):
        """`sent` is when the run was, `postal` the sender's postal address, `notice` tells a mail to the firm, `person` who it is for,
        `web` whether the project has a public address."""
        self.raw, self.sent, self.postal, self.notice, self.person, self.web = raw, sent, postal, notice, person, web
        self.head = raw.split(b"\r\n\r\n", 1)[0]
        self.mail = email.message_from_bytes(raw, policy=email.policy.default)
        self.plain = email.message_from_bytes(raw, policy=email.policy.compat32)

    def count(self, name):
        return len(self.mail.get_all(name, []))

    def one(self, name):
        return str(self.mail.get(name, ""))

    def parts(self, kind):
        return [part for part in self.mail.walk() if part.get_content_type() == kind and not part.is_attachment()]

    def body(self, kind):
        return "".join(part.get_payload(decode=True).decode("utf-8") for part in self.parts(kind))

    def page(self):
        return Page(self.body("text/html"))


def header_words(mail):
    """The values of the header as they stand, unfolded."""
    return [re.sub(rb"\r\n(?=[ \t])", b"", line) for line in re.split(rb"\r\n(?![ \t])", mail.head)]


def r01(m):
    if re.search(rb"(?<!\r)\n|\r(?!\n)", m.raw) or b"\0" in m.raw:
        return "a lone CR or LF, or a NUL"


def r02(m):
    if max(map(len, m.raw.split(b"\r\n"))) > 998:
        return "a line longer than 998 octets"
    for part in m.plain.walk():
        if str(part.get("content-transfer-encoding", "")).lower() in ("base64", "quoted-printable"):
            if any(len(line) > 76 for line in part.get_payload().splitlines()):
                return "an encoded line longer than 76"


def r03(m):
    if re.search(rb"[^\t\r\n\x20-\x7e]", m.head):
        return "a header outside of printable ASCII"
    if re.search(rb"\r\n[ \t]+(\r\n|$)", m.head):
        return "a fold of nothing but space"


def r04(m):
    wrong = [name for name in ONCE if m.count(name) != 1] + [name for name in AT_MOST_ONCE if m.count(name) > 1]
    if wrong:
        return f"a wrong number of {', '.join(wrong)}"


def r05(m):
    senders = email.utils.getaddresses(m.mail.get_all("from", []))
    if len(senders) != 1 or "@" not in senders[0][1]:
        return f"{len(senders)} senders"
    if senders[0][1].rpartition("@")[2].lower() in PROVIDERS:
        return "a sender at a provider of mailboxes"


def r06(m):
    name = email.utils.parseaddr(m.one("from"))[0]
    if "@" in name or FALSE_REPLY.match(name) or any(unicodedata.category(c) in ("So", "Sk", "Cc", "Cf", "Co") for c in name):
        return f"a sender called {name!r}"
    if m.person and not m.notice and name and name == email.utils.parseaddr(m.one("to"))[0]:
        return "a sender called as the reader"


def r07(m):
    subject = m.one("subject")
    if not subject.strip() or "\n" in subject or FALSE_REPLY.match(subject):
        return f"the subject {subject!r}"


def r08(m):
    for value in header_words(m):
        for word in ENCODED_WORD.findall(value.decode("ascii", "replace")):
            if len(word) > 75:
                return "an encoded word of more than 75 characters"
            try:
                [(text, charset)] = email.header.decode_header(word)
                text.decode(charset)
            except (ValueError, LookupError):
                return f"{word} does not decode by itself"


def r09(m):
    try:
        date = email.utils.parsedate_to_datetime(m.one("date"))
    except (TypeError, ValueError):
        return "no date"
    if date.tzinfo is None or abs((date - m.sent).total_seconds()) > 300:
        return f"the date {date}, sent {m.sent}"


def r10(m):
    to = [address for _, address in email.utils.getaddresses(m.mail.get_all("to", []))]
    if len(to) != 1 or (m.person and to[0].lower() != m.person.lower()):
        return f"it goes to {to}"
    if any(m.count(name) for name in ("cc", "bcc", "return-path")):
        return "a Cc, a Bcc or a Return-Path"


def r11(m):
    domain = email.utils.parseaddr(m.one("from"))[1].rpartition("@")[2]
    if not re.fullmatch(r"<[A-Za-z0-9._-]+@" + re.escape(domain) + ">", m.one("message-id").strip()):
        return f"the Message-ID {m.one('message-id')}"


def r12(m):
    uris = re.findall(r"<([^<>]*)>", m.one("list-unsubscribe"))
    web = [uri for uri in uris if uri.startswith("https://")]
    if m.web and not m.notice and (len(web) != 1 or any(not uri.startswith(("https://", "mailto:")) for uri in uris)):
        return f"the List-Unsubscribe {m.one('list-unsubscribe')!r}"
    if m.person and any(m.person.split("@")[0].lower() in uri.lower().replace("%40", "@") for uri in web):
        return "the address in a link"


def r13(m):
    if m.web and not m.notice and m.one("list-unsubscribe-post") != "List-Unsubscribe=One-Click":
        return "no List-Unsubscribe-Post"


def r16(m):
    if not m.notice and not re.search(r"<[a-z0-9._-]+\.[a-z0-9.-]+>$", m.one("list-id").strip(), re.I):
        return f"the List-ID {m.one('list-id')!r}"


def r17(m):
    value = m.mail.get("feedback-id")
    if value is not None:
        fields = str(value).split(":")
        if len(fields) != 4 or not 5 <= len(fields[3]) <= 15 or "@" in str(value):
            return f"the Feedback-ID {value}"


def r18(m):
    if m.one("auto-submitted") != "auto-generated":
        return "no Auto-Submitted: auto-generated"


def r19(m):
    if [defect for part in m.mail.walk() for defect in part.defects]:
        return "a fault that a parser finds"
    both = [part for part in m.mail.walk() if part.get_content_type() == "multipart/alternative"]
    if len(both) != 1:
        return "no multipart/alternative"
    inner = [part.get_content_type() for part in both[0].iter_parts()]
    if inner[:1] != ["text/plain"] or inner[-1:] not in (["text/html"], ["multipart/related"]) or len(inner) < 2:
        return f"the parts {inner}"
    if len(m.body("text/plain").split()) < 5:
        return "a text part that says nothing"


def r20(m):
    for part in m.parts("text/plain") + m.parts("text/html"):
        try:
            assert (part.get_content_charset() or "").lower() == "utf-8"
            part.get_payload(decode=True).decode("utf-8")
        except (AssertionError, UnicodeDecodeError):
            return "a part that is not the UTF-8 it says"


def r21(m):
    if m.notice:
        return None
    page, text = m.page(), m.body("text/plain")
    way = "/u/" if m.web else "unsubscribe%20"
    if not LEAVE.search(page.text) or not any(way in link for link in page.links):
        return "no visible link to unsubscribe in the HTML"
    if not LEAVE.search(text) or way not in text:
        return "no link to unsubscribe in the text"


def r22(m):
    flat = lambda text: " ".join(text.split())
    if not m.notice and (flat(m.postal) not in flat(m.page().text) or flat(m.postal) not in flat(m.body("text/plain"))):
        return "no postal address in both parts"


def r23(m):
    wrong = [link for link in m.page().links if not link.startswith(("https://", "mailto:", "tel:"))]
    if wrong:
        return f"a link to {wrong[0]!r}"
    if any(mark in part for part in (m.page().text, m.body("text/plain"), m.one("subject")) for mark in ("{{", "}}", "{%")):
        return "a tag that was not filled"


def r24(m):
    if len(m.body("text/html").encode()) > 102 * 1024 or len(m.head) > 16 * 1024:
        return "more than mailboxes show"


RULES = {name.upper(): rule for name, rule in sorted(globals().items()) if re.fullmatch(r"r\d\d", name)}

GOOD = """From: =?utf-8?q?Tr=C3=A0?= <hello@acme.example>\r
To: Lan <lan@example.com>\r
Subject: New tea\r
Date: Mon, 02 Mar 2026 02:00:00 +0000\r
Message-ID: <abc.1@acme.example>\r
List-Unsubscribe: <https://m.acme.example/u/AQE>, <mailto:hello@acme.example?subject=unsubscribe%20abc>\r
List-Unsubscribe-Post: List-Unsubscribe=One-Click\r
List-ID: <welcome.acme.example>\r
Auto-Submitted: auto-generated\r
MIME-Version: 1.0\r
Content-Type: multipart/alternative; boundary=x\r
\r
--x\r
Content-Type: text/plain; charset=utf-8\r
Content-Transfer-Encoding: quoted-printable\r
\r
Tea came in today. 1 Main Street. Unsubscribe\r
(https://m.acme.example/u/AQE)\r
--x\r
Content-Type: text/html; charset=utf-8\r
Content-Transfer-Encoding: quoted-printable\r
\r
<p>Tea came in today. 1 Main Street. =\r
<a href=3D"https://m.acme.example/u/AQE"=\r
>Unsubscribe</a></p>\r
--x--\r
"""
SPOILT = {
    "R01": ("Tea came in", "Tea\ncame in"),
    "R02": ("Tea came in", "Tea " + "came " * 20 + "in"),
    "R03": ("Subject: New tea", "Subject: Trà"),
    "R04": ("Subject: New tea", "Subject: New tea\r\nSubject: Old tea"),
    "R05": ("<hello@acme.example>", "<hello@gmail.com>"),
    "R06": ("=?utf-8?q?Tr=C3=A0?=", "Lan"),
    "R07": ("Subject: New tea", "Subject: Re: New tea"),
    "R08": ("Subject: New tea", "Subject: =?utf-8?q?Tr=C3?= =?utf-8?q?=A0?="),
    "R09": ("02:00:00 +0000", "03:00:00 +0000"),
    "R10": ("Subject: New tea", "Subject: New tea\r\nCc: minh@example.com"),
    "R11": ("<abc.1@acme.example>", "<abc.1@localhost>"),
    "R12": ("<https://m.acme.example/u/AQE>, ", ""),
    "R13": ("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", ""),
    "R16": ("List-ID: <welcome.acme.example>\r\n", ""),
    "R17": ("Subject: New tea", "Subject: New tea\r\nFeedback-ID: welcome"),
    "R18": ("Auto-Submitted: auto-generated\r\n", ""),
    "R19": ("multipart/alternative", "multipart/mixed"),
    "R20": ("Tea came in", "Tea =FF came in"),
    "R21": (">Unsubscribe</a>", ">here</a>"),
    "R22": ("<p>Tea came in today. 1 Main Street.", "<p>Tea came in today."),
    "R23": ("<p>Tea came", "<p>{{tea}} came"),
    "R24": ("<p>Tea came", "<p>" + ("tea " * 18 + "=\r\n") * 1500 + "came"),
}


def faults(mail):
    return [f"{name}: {fault}" for name, rule in RULES.items() if (fault := rule(mail))]


def prove():
    """Every rule finds its fault, and none finds one in a good mail."""
    mail = lambda text: Mail(text.encode(), datetime.datetime(2026, 3, 2, 2, tzinfo=datetime.timezone.utc), "1 Main Street", False,
                             "lan@example.com", True)
    assert not faults(mail(GOOD)), faults(mail(GOOD))
    assert SPOILT.keys() == RULES.keys(), SPOILT.keys() ^ RULES.keys()
    for name, (there, instead) in SPOILT.items():
        spoilt = GOOD.replace(there, instead, 1)
        assert spoilt != GOOD and RULES[name](mail(spoilt)), f"{name} is blind"


class Project:
    def __init__(self, drip, folder, web):
        self.drip, self.folder, self.web = drip, folder, web
        if web:
            with open(os.path.join(folder, "drip.yaml"), "a", encoding="utf-8") as settings:
                settings.write("\npublic_url: https://m.acme.example\ntracking: { clicks: true, opens: true }\n")
        settings = open(os.path.join(folder, "drip.yaml"), encoding="utf-8").read()
        self.postal = re.search(r"^postal_address: *(.*?) *(#.*)?$", settings, re.M).group(1).strip("\"'")
        self.seen, self.ids, self.wrong, self.mails = set(), set(), [], 0

    def run(self, now, *words):
        done = subprocess.run([self.drip, "--now", now.strftime("%Y-%m-%dT%H:%M:%SZ"), *words], cwd=self.folder, capture_output=True)
        assert done.returncode == 0, (words, done.returncode, done.stderr[-2000:])

    def step(self, now):
        self.run(now, "-q", "run")
        for path in sorted(set(glob.glob(os.path.join(self.folder, "outbox/new/*"))) - self.seen):
            self.seen.add(path)
            self.look(open(path, "rb").read(), now)

    def look(self, raw, now):
        # A Maildir has the line ends of its system; what a relay gets has CRLF.
        raw = re.sub(rb"\r?\n", b"\r\n", raw)
        number = re.search(rb"\r\nMessage-ID: *<(.*?)>", raw, re.I)
        with contextlib.closing(sqlite3.connect(os.path.join(self.folder, "drip.db"))) as ledger:
            ask = "SELECT kind, email FROM v_sends WHERE message_id = ? AND state = 'sent'"
            row = ledger.execute(ask, (number.group(1).decode() if number else "",)).fetchone()
        mail = Mail(raw, now, self.postal, row is not None and row[0] == "notify", row[1] if row and row[0] == "mail" else None, self.web)
        found = faults(mail) + ([] if row else ["R11: a Message-ID that is not in the ledger"])
        if mail.one("message-id") in self.ids:
            found.append("R11: a Message-ID twice")
        self.ids.add(mail.one("message-id"))
        self.mails += 1
        self.wrong += [f"{os.path.basename(self.folder)}: {mail.one('subject')!r} to {mail.one('to')}: {fault}" for fault in found]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drip", required=True)
    parser.add_argument("--keep")
    arguments = parser.parse_args()
    drip, root = os.path.abspath(arguments.drip), os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    prove()
    folder = arguments.keep or tempfile.mkdtemp()
    try:
        wrong = []
        for web in (False, True):
            ending = "-web" if web else ""
            for story in sorted(glob.glob(os.path.join(root, "examples", "*", "story.txt"))):
                name = os.path.join(folder, os.path.basename(os.path.dirname(story)) + ending)
                shutil.copytree(os.path.dirname(story), name)
                words = open(story).read().split()
                # from TIME for DAYS days, a run every HOURS hours; in a long one how often makes no difference to what a mail is made of
                start = datetime.datetime.fromisoformat(words[1].replace("Z", "+00:00"))
                project = Project(drip, name, web)
                days, hours = int(words[3]), int(words[8])
                play(project, start, days, 24 if web and days >= 100 else hours)
                wrong += report(project)
            starter = os.path.join(folder, "starter" + ending)
            subprocess.run([drip, "init", starter], check=True, capture_output=True)
            for name in ("contacts.csv", "events.csv"):
                shutil.copy(os.path.join(root, "examples", "demo", name), starter)
            project = Project(drip, starter, web)
            play(project, datetime.datetime(2026, 3, 1, 1, tzinfo=datetime.timezone.utc), 30, 12)
            wrong += report(project)
        for complaint in wrong[:40]:
            print("  " + complaint)
        sys.exit(1 if wrong else 0)
    finally:
        if not arguments.keep:
            shutil.rmtree(folder)


def play(project, start, days, hours):
    project.run(start, "import", "contacts.csv", "events.csv")
    for run in range(days * 24 // hours + 1):
        project.step(start + datetime.timedelta(hours=run * hours))


def report(project):
    print(f"{os.path.basename(project.folder)}: {project.mails} mails, {len(project.wrong)} wrong")
    assert project.mails, f"{project.folder} sent nothing"
    return project.wrong


main()
