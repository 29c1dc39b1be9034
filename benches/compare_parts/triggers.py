"""Entering: new events, and a segment over contacts that came or changed; beside the same rows in bare SQL."""
import sqlite3
import time

from . import machine
from .shop import Shop, ago
from .table import count, duration

PATTERN = 100

EVENT = """\
trigger: { event: purchased, where: event.value > 100 }
steps:
  - id: thanks
    delay: 20d
    send: mail
"""

SEGMENT = """\
trigger: { segment: 'contact.plan == "pro" && contact.language == "vi"' }
steps:
  - id: hello
    delay: 20d
    send: mail
"""

# What any program must do that lets these people in: one row each, and the event that is marked as seen.
BARE_EVENT = """
INSERT INTO enrolments (contact_id, campaign_id, round, entered_at, event_id, due_at)
    SELECT contact_id, (SELECT id FROM campaigns), 1, at, id, at FROM events
    WHERE seen = 0 AND json_extract(properties, '$.value') > 100;
UPDATE events SET seen = 1 WHERE seen = 0;
"""
BARE_SEGMENT = """
INSERT INTO members SELECT (SELECT id FROM campaigns), id FROM contacts
    WHERE changed = 1 AND json_extract(attributes, '$.plan') = 'pro' AND language = 'vi';
INSERT INTO enrolments (contact_id, campaign_id, round, entered_at, due_at)
    SELECT contact_id, campaign_id, 1, 0, 0 FROM members;
UPDATE contacts SET changed = 0 WHERE changed = 1;
"""


def compare(bench, table):
    sizes = bench.sizes(10_000, 100_000, 1_000_000, least=PATTERN)
    for what, prepare, bare in (
        ("new events, each lets somebody in", with_events, BARE_EVENT),
        ("contacts that came, a segment lets a third in", with_contacts, BARE_SEGMENT),
    ):
        runs = []
        for size in sizes:
            machine.say(f"   {count(size)} {what}")
            shop = prepare(bench, size)
            plain = shop.clone("bare")
            limit = in_sql(plain, bare)
            plain.remove()
            runs.append(shop.run("run", peak=True))
            entered = shop.count("SELECT count(*) FROM enrolments")
            wanted = size if prepare is with_events else shop.count("SELECT count(*) FROM members")
            if entered != wanted or not entered:
                raise RuntimeError(f"{entered} of {wanted} people entered:\n{runs[-1].output}")
            shop.remove()
        last = runs[-1]
        table.add(
            f"{count(sizes[-1])} {what}",
            f"{duration(last.wall)}, {last.peak:.0f} MiB",
            f"{duration(limit)} (the bare SQL)",
            f"{last.wall / limit:.1f}",
        )
        table.grows(what, sizes, [run.wall for run in runs])


def with_events(bench, size):
    shop = Shop(bench.drip, bench.folder / "events")
    shop.write("campaigns/thanks.yaml", EVENT)
    shop.join(PATTERN, ago(days=3))
    shop.run("-q", "run", now=ago(days=2))
    lines = [f"khach{person:07}@example.com,purchased,{ago(days=1)},{person + 101}" for person in range(PATTERN)]
    shop.write("events.csv", "\n".join(["email,event,time,value", *lines]) + "\n")
    shop.run("import", "-q", "events.csv", now=ago(seconds=3600))
    shop.multiply(size // PATTERN - 1)
    return shop


def with_contacts(bench, size):
    shop = Shop(bench.drip, bench.folder / "segment")
    shop.write("campaigns/pro.yaml", SEGMENT)
    shop.run("-q", "run", now=ago(days=3))
    shop.join(PATTERN, ago(days=2))
    shop.multiply(size // PATTERN - 1)
    return shop


def in_sql(shop, statements):
    """Returns how long bare SQL takes in one transaction that reaches the disk."""
    database = sqlite3.connect(shop.database, isolation_level=None)
    database.executescript("PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;")
    began = time.perf_counter()
    database.executescript(f"BEGIN IMMEDIATE;{statements}COMMIT;")
    took = time.perf_counter() - began
    database.close()
    return took
