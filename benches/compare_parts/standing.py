"""Scores, stages and segments of a million people with ten million events: counted, and brought up to date."""
import contextlib
import sqlite3
import subprocess
import time

from . import machine, measure
from .shop import Shop, ago
from .table import count, duration

PEOPLE = 10
EVENTS = 10
NEW = 1_000

SETTINGS = """\
segments:
  buyers: did("purchased")
  regulars: count("purchased", "365d") >= 3
  quiet: '!did("page_viewed", "60d")'
  hot: score >= 25
score:
  half_life: 30d
  points:
    - { event: page_viewed, points: 5, at_most: 40 }
    - { event: purchased, points: 20 }
stages:
  prospect: "true"
  new: did("purchased")
  loyal: count("purchased", "365d") >= 3
  lapsed: days_since("purchased") >= 90
  inactive: days_since("purchased") >= 365
"""


def compare(bench, table):
    sizes = bench.sizes(10_000, 100_000, 1_000_000)
    refresh = machine.build_bench("refresh")
    first, fresh, alone, bare, counted = [], [], [], [], []
    for size in sizes:
        machine.say(f"   {count(size)} people, {count(size * EVENTS)} events")
        shop = played(bench, size)
        unchanged = measure.median([shop.run("segment", "list") for _ in range(5)]).wall
        after = []
        for turn in range(3):
            happens(shop, size, turn)
            after.append(shop.run("segment", "list").wall)
        fresh.append(sorted(after)[1] - unchanged)
        looks, limits = [], []
        for turn in range(3, 8):
            happens(shop, size, turn)
            looks.append(float(subprocess.run([refresh, shop.folder], check=True, stdout=subprocess.PIPE, text=True).stdout))
            limits.append(by_sqlite_alone(shop, size, turn + 5))
        alone.append(sorted(looks)[2])
        bare.append(sorted(limits)[2])
        counted.append({what: measure.median([shop.run(*what) for _ in range(3)]).wall for what in REPORTS})
        if size == sizes[-2]:
            first.append(anew(shop))
        shop.remove()
    table.add(
        f"{count(NEW)} new events, until segments, stages and scores of {count(sizes[-1])} people are right again",
        duration(alone[-1]),
        f"{duration(bare[-1])} (SQLite alone, reading and writing the same rows)",
        goal="100 ms",
        met=alone[-1] < 0.1,
    )
    table.add(
        "the same as drip segment list, with what waits for the disk as it closes the file",
        duration(fresh[-1]),
        f"{duration(first[-1])} (the first look at {count(sizes[-2])})",
    )
    for what in REPORTS:
        taken = counted[-1][what]
        over = f"{count(sizes[-1])} people, {count(sizes[-1] * EVENTS)} events"
        table.add(f"drip {' '.join(what)}, {over}", duration(taken), goal="2 s", met=taken < 2)
    table.grows(f"{count(NEW)} new events", sizes, alone)


REPORTS = [("segment", "list"), ("report", "stages"), ("report", "scores"), ("report",)]


def played(bench, size):
    """Returns a shop whose people looked and bought over two years, each known for where they stand."""
    shop = Shop(bench.drip, bench.folder / "standing")
    shop.write("drip.yaml", (shop.folder / "drip.yaml").read_text() + SETTINGS)
    shop.write("campaigns/welcome.yaml", "trigger: { stage: new }\nsteps:\n  - { id: hello, send: mail }\n")
    shop.join(PEOPLE, ago(days=800))
    lines = ["email,event,time,value"]
    for person in range(PEOPLE):
        for number in range(EVENTS):
            days = 700 - (person * 37 + number * (41 + person * 3)) % 690
            event = "purchased" if (person + number) % 4 == 0 else "page_viewed"
            lines.append(f"khach{person:07}@example.com,{event},{ago(days=days, seconds=number)},{250_000 + number}")
    shop.write("events.csv", "\n".join(lines) + "\n")
    shop.run("import", "-q", "events.csv")
    shop.run("-q", "run")
    shop.multiply(size // PEOPLE - 1)
    return shop


def happens(shop, size, turn):
    """Records new events of people here and there, as an import or a server does."""
    database = sqlite3.connect(shop.database)
    now = int(time.time() * 1000)
    step = max(1, size // NEW)
    rows = [(1 + (number * step + turn) % size, now - number) for number in range(NEW)]
    database.executemany("INSERT OR IGNORE INTO events (contact_id, name, at) VALUES (?, 'page_viewed', ?)", rows)
    database.commit()
    database.close()


def by_sqlite_alone(shop, size, turn):
    """Returns how long it takes to read the rows of as many people, and to write those of where they stand, with no thought given to any."""
    step = max(1, size // NEW)
    with contextlib.closing(sqlite3.connect(shop.database, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute("PRAGMA cache_size=-16000")
        database.execute("PRAGMA wal_autocheckpoint=4000")
        begun = time.monotonic()
        database.execute("BEGIN IMMEDIATE")
        for number in range(NEW):
            person = (1 + (number * step + turn) % size,)
            database.execute("SELECT * FROM contacts WHERE id = ?", person).fetchall()
            database.execute("SELECT * FROM events WHERE contact_id = ?", person).fetchall()
            database.execute("UPDATE standings SET levels = levels, looked_at = looked_at, next_at = next_at + 1 WHERE contact_id = ?", person)
        database.execute("COMMIT")
        return time.monotonic() - begun


def anew(shop):
    """Returns how long it takes to find out everything of everybody, under other conditions."""
    text = (shop.folder / "drip.yaml").read_text()
    shop.write("drip.yaml", text.replace("score >= 25", "score >= 26"))
    return shop.run("segment", "list").wall
