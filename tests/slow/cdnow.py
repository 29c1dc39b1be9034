#!/usr/bin/env python3
"""Eighteen months of a real shop: 23,570 people, 67,591 purchases, one run a day; checked against a
computation that knows nothing of drip.

    tests/slow/cdnow.py --drip target/release/drip --data DIR [--month 1997-03] [--keep DIR]

DIR holds contacts.csv and events.csv of the CDNOW data set. The mails of one month go through a real
SMTP server (a socket on this machine), the others to the outbox. Every enrolment and every row of the
ledger is compared, and the mails received with both.
"""
import argparse
import collections
import csv
import datetime as dt
import json
import os
import pathlib
import socketserver
import sqlite3
import subprocess
import sys
import tempfile
import threading
import zoneinfo

UTC = dt.timezone.utc
FIRST, LAST = dt.date(1997, 1, 1), dt.date(1998, 9, 30)

FILES = {
    "drip.yaml": "from: CDNOW <shop@cdnow.example>\npostal_address: CDNOW, 1 Main Street\nfrequency_cap: none\n",
    "campaigns/welcome.yaml": """\
trigger: { event: purchased }
reentry: never
goal: { event: purchased }
steps:
  - { id: thanks, send: mail }
  - { id: tips, delay: 7d, send: mail }
  - { id: offer, delay: 21d, send: mail }
""",
    "campaigns/winback.yaml": """\
trigger: { inactive: { event: purchased, for: 90d } }
reentry: always
goal: { event: purchased }
steps:
  - { id: miss-you, send: mail }
  - { id: discount, delay: 14d, send: mail }
""",
    "campaigns/loyal.yaml": """\
trigger: { segment: 'count("purchased") >= 5' }
steps:
  - { id: vip, send: mail }
""",
    "templates/mail.md": """\
---
subject: "{{campaign.id}} {{step.id}}: {{first_name}}"
---
Chào {{first_name}} {{last_name}}, this is a mail of {{campaign.id}}.

{{postal_address}} · [Unsubscribe]({{unsubscribe_url}})
""",
}

# What is asked about at the end, so that the page of a report that is made of it has it as well.
STANDING = """\
stages:
  prospect: "true"
  new: did("purchased")
  loyal: count("purchased", "365d") >= 3
  lapsed: days_since("purchased") >= 90
  inactive: days_since("purchased") >= 365
segments:
  warm: score >= 20
score:
  half_life: 60d
  points: [{ event: purchased, points: 20, at_most: 60 }]
"""


def run_of(day):
    """The one run of a day."""
    return dt.datetime.combine(day, dt.time(9), UTC)


def first_run(instant):
    """The first run that is not before an instant; None after the last one."""
    day = max(instant.date(), FIRST)
    if run_of(day) < instant:
        day += dt.timedelta(days=1)
    return run_of(day) if day <= LAST else None


def later(instant, days, zone):
    """The same wall time some days later; a wall time that occurs twice is the first, one that a
    zone leaves out is the end of the gap."""
    wall = instant.astimezone(zone).replace(tzinfo=None) + dt.timedelta(days=days)
    found = wall.replace(tzinfo=zone, fold=0)
    back = found.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    if back != wall:  # In a gap: step to its end, minute by minute.
        while back != wall:
            wall += dt.timedelta(minutes=1)
            found = wall.replace(tzinfo=zone, fold=0)
            back = found.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    return found.astimezone(UTC)


def passage(campaign, email, number, entered, start, steps, goals, zone):
    """Follows one passage; `start` is the run that lets the person in. Returns enrolment and sends."""
    sends, origin, due = [], entered, start
    for step, days in steps:
        due = later(origin, days, zone) if days else max(origin, start)
        now = first_run(max(due, start))
        # The goal is looked at in every run, and before a step is sent in the same run.
        reached = next((goal for goal in goals if goal > entered and (now is None or goal <= now)), None)
        if reached is not None and first_run(reached) is not None:
            return (campaign, email, number, "goal", entered), sends
        if now is None:
            return (campaign, email, number, "active", entered), sends
        sends.append((campaign, email, number, step, now.date()))
        origin = now
    return (campaign, email, number, "finished", entered), sends


def expected(people, purchases):
    """Computes every enrolment and every send from the history alone."""
    enrolments, sends = set(), set()

    def add(result):
        enrolments.add(result[0])
        sends.update(result[1])

    for email, zone in people.items():
        bought = sorted(purchases.get(email, []))
        if not bought:
            continue
        steps = [("thanks", 0), ("tips", 7), ("offer", 21)]
        start = first_run(bought[0])
        if start:
            add(passage("welcome", email, 1, bought[0], start, steps, bought, zone))
        number = 0
        for purchase, following in zip(bought, bought[1:] + [None]):
            silent = first_run(purchase + dt.timedelta(days=90))
            if silent is None or (following is not None and following <= silent):
                continue
            number += 1
            add(passage("winback", email, number, silent, silent, [("miss-you", 0), ("discount", 14)], bought, zone))
        if len(bought) >= 5 and (start := first_run(bought[4])):
            add(passage("loyal", email, 1, start, start, [("vip", 0)], [], zone))
    return enrolments, sends


def stage(bought, now):
    """The stage of somebody who bought at these times, oldest first."""
    past = [at for at in bought if at <= now]
    if not past:
        return "prospect"
    silent = (now - past[-1]).days
    if silent >= 90:
        return "inactive" if silent >= 365 else "lapsed"
    return "loyal" if sum(now - at <= dt.timedelta(days=365) for at in past) >= 3 else "new"


def moves(bought, since, now):
    """From which stage to which somebody went in a time: at a purchase, or so many days after one."""
    edges = {at + dt.timedelta(days=days) for at in bought for days in (0, 90, 365)}
    # A purchase counts in a year up to the last moment of it.
    edges |= {at + dt.timedelta(days=365, milliseconds=1) for at in bought}
    last = stage(bought, bought[0])
    for at in sorted(edge for edge in edges if bought[0] <= edge < now):
        following = stage(bought, at)
        if following != last and at >= since:
            yield last, following
        last = following


def points(bought, now):
    """The whole points at a time: twenty a purchase, sixty at the most, half of it gone after sixty days."""
    level, before = 0.0, None
    for at in bought:
        fade = 0.5 ** ((at - before) / dt.timedelta(days=60)) if before else 1.0
        level, before = min(level * fade + 20, 60.0), at
    return int(level * 0.5 ** ((now - before) / dt.timedelta(days=60)) + 1e-9)


def standing(purchases, stages, scores, now):
    """Compares where everybody stands with what their purchases say."""
    wrong = 0
    lives = [sorted(bought) for bought in purchases.values()]
    counts = collections.Counter(stage(bought, now) for bought in lives)
    since = now.replace(day=1, hour=0)
    went = collections.Counter(move for bought in lives for move in moves(bought, since, now))
    have = collections.Counter(points(bought, now) for bought in lives)
    found = {row["stage"]: row["contacts"] for row in stages["stages"]}
    for what, found, wanted in [
        ("stages", found, {name: counts[name] for name in found}),
        ("moves of the month", {(row["from"], row["to"]): row["contacts"] for row in stages["moves"]}, dict(went)),
        ("scores", [sum(row["contacts"] for row in scores["bands"]), *(row["contacts"] for row in scores["thresholds"])],
         [len(lives), sum(number for number_of, number in have.items() if number_of >= 20)]),
        ("bands", [row["contacts"] for row in scores["bands"]],
         [sum(number for of, number in have.items() if row["from"] <= of <= row["to"]) for row in scores["bands"]]),
    ]:
        if found != wanted:
            wrong += 1
            print(f"DIFFERENT {what}: found {found}, expected {wanted}")
    print(f"{dict(counts)}; {sum(went.values())} moves in the last month; {have.total()} scores; {wrong} differences")
    return wrong


class Relay(socketserver.ThreadingTCPServer):
    """A small SMTP server that keeps who got what."""

    allow_reuse_address = daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Session)
        self.mails, self.lock = [], threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Session(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        self.say("220 test")
        to = None
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.say("250-test\r\n250 PIPELINING")
            elif verb == b"RCPT":
                to = line.split(b"<")[1].split(b">")[0].decode()
                self.say("250 ok")
            elif verb == b"DATA":
                self.say("354 go")
                lines = []
                while (line := self.rfile.readline()) != b".\r\n":
                    lines.append(line)
                with self.server.lock:
                    self.server.mails.append((to, b"".join(lines)))
                self.say("250 ok")
            elif verb == b"QUIT":
                return self.say("221 bye")
            else:
                self.say("250 ok")

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--drip", default="target/release/drip")
    arguments.add_argument("--data", required=True)
    arguments.add_argument("--month", default="1997-03", help="goes through SMTP")
    arguments.add_argument("--keep", help="leave the project in this folder")
    options = arguments.parse_args()
    data, drip = pathlib.Path(options.data), os.path.abspath(options.drip)
    if not (data / "events.csv").exists():
        print(f"SKIPPED: {data} holds no CDNOW data, so nothing was compared")
        return 0
    with open(data / "contacts.csv", encoding="utf-8") as file:
        people = {row["email"]: zoneinfo.ZoneInfo(row["timezone"]) for row in csv.DictReader(file)}
    purchases = collections.defaultdict(list)
    with open(data / "events.csv", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            purchases[row["email"]].append(dt.datetime.fromisoformat(row["time"].replace("Z", "+00:00")))
    enrolments, sends = expected(people, purchases)

    with tempfile.TemporaryDirectory() as temporary:
        project = pathlib.Path(options.keep or temporary)
        for name, text in FILES.items():
            path = project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        relay = Relay()
        bare = {"PATH": os.environ["PATH"]}
        with_relay = bare | {"DRIP_SMTP_URL": f"smtp://127.0.0.1:{relay.server_address[1]}"}

        def call(*words, environment=bare):
            return subprocess.run([drip, "-C", str(project), *words], check=True, env=environment, capture_output=True).stdout

        call("import", str(data / "contacts.csv"), str(data / "events.csv"))
        day = FIRST
        while day <= LAST:
            environment = with_relay if day.isoformat().startswith(options.month) else bare
            call("-q", "--now", run_of(day).strftime("%Y-%m-%dT%H:%M:%SZ"), "run", environment=environment)
            day += dt.timedelta(days=1)
        end = run_of(LAST).strftime("%Y-%m-%dT%H:%M:%SZ")
        report = json.loads(call("--now", end, "report", "--format", "json"))
        wrong = compare(project, report, relay, options.month, enrolments, sends)
        (project / "drip.yaml").write_text(FILES["drip.yaml"] + STANDING, encoding="utf-8")
        told = [json.loads(call("--now", end, "report", what, "--json")) for what in ("stages", "scores")]
        return 1 if wrong + standing(purchases, *told, run_of(LAST)) else 0


def compare(project, report, relay, month, enrolments, sends):
    base = sqlite3.connect(project / "drip.db")
    time = lambda text: dt.datetime.fromisoformat(text.replace("Z", "+00:00"))
    rows = base.execute("SELECT campaign, email, round, state, entered_at FROM v_enrolments")
    found_enrolments = {(c, e, r, s, time(at)) for c, e, r, s, at in rows}
    rows = base.execute("SELECT campaign, email, round, step, state, sent_at FROM v_sends").fetchall()
    found_sends = {(c, e, r, step, time(at).date()) for c, e, r, step, state, at in rows if state == "sent"}
    wrong = 0

    def check(what, found, wanted):
        nonlocal wrong
        if found == wanted:
            return
        wrong += 1
        print(f"DIFFERENT {what}: found {found}, expected {wanted}")

    for what, found, wanted in [("enrolments", found_enrolments, enrolments), ("sends", found_sends, sends)]:
        for row in sorted(found - wanted, key=str)[:5]:
            print(f"only drip has {what} {row}")
        for row in sorted(wanted - found, key=str)[:5]:
            print(f"only the computation has {what} {row}")
        check(f"number of {what} that differ", len(found ^ wanted), 0)
    check("rows of the ledger that are not `sent`", sum(row[4] != "sent" for row in rows), 0)

    print(f"{'campaign':10} {'step':10} {'entered':>8} {'sent':>8}   enrolled, goal, finished, active")
    for funnel in report["campaigns"]:
        campaign = funnel["campaign"]
        states = collections.Counter(row[3] for row in enrolments if row[0] == campaign)
        for key, state in [("goal", "goal"), ("finished", "finished"), ("active", "active")]:
            check(f"{campaign} {key}", funnel[key], states[state])
        check(f"{campaign} enrolled", funnel["enrolled"], sum(states.values()))
        for step in funnel["steps"]:
            sent = sum(row[0] == campaign and row[3] == step["step"] for row in sends)
            check(f"{campaign} {step['step']} sent", step["sent"], sent)
            print(f"{campaign:10} {step['step']:10} {step['entered']:8} {step['sent']:8}   "
                  f"{funnel['enrolled']}, {funnel['goal']}, {funnel['finished']}, {funnel['active']}")

    through_smtp = collections.Counter((row[1]) for row in sends if row[4].isoformat().startswith(month))
    check("mails received by SMTP in the month", collections.Counter(to for to, _ in relay.mails), through_smtp)
    outbox = len(list((project / "outbox" / "new").iterdir()))
    check("mails in the outbox", outbox, len(sends) - sum(through_smtp.values()))
    print(f"{len(sends)} sends, {len(relay.mails)} of them by SMTP in {month}, {outbox} in the outbox; "
          f"{len(enrolments)} enrolments; {wrong} differences")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
