"""Importing a CSV file of a million rows, and importing it again."""
from . import machine, measure
from .shop import Shop, ago, people
from .table import count, duration

CAMPAIGN = """\
trigger: { tag: khach }
steps:
  - id: hello
    send: mail
"""


def compare(bench, table):
    sizes = bench.sizes(10_000, 100_000, 1_000_000)
    first, again = [], []
    for size in sizes:
        machine.say(f"   {count(size)} rows")
        shop = Shop(bench.drip, bench.folder / "import")
        shop.write("campaigns/hello.yaml", CAMPAIGN)
        people(shop.folder / "people.csv", size, tags="khach")
        for runs in (first, again):
            runs.append(shop.run("import", "people.csv", now=ago(seconds=60), peak=True))
        there = shop.count("SELECT count(*) FROM contacts")
        if there != size:
            raise RuntimeError(f"{there} of {size} people are there")
        shop.remove()
    bare = bare_inserts(bench, sizes[-1])
    for what, runs in (("import", first), ("import again", again)):
        last = runs[-1]
        table.add(
            f"{what}, {count(sizes[-1])} rows of 7 columns",
            duration(last.wall),
            f"{duration(bare)} (Python's csv and sqlite3, nothing checked)" if runs is first else "",
            f"{last.wall / bare:.2f}" if runs is first else "",
            "10 s",
            last.wall < 10,
        )
        table.add("memory at its peak", f"{last.peak:.0f} MiB", goal="64 MiB", met=last.peak < 64)
        table.grows(what, sizes, [run.wall for run in runs])


def bare_inserts(bench, size):
    """Returns how long a script of ten lines takes to put the same file into a table."""
    path = bench.folder / "bare.csv"
    people(path, size, tags="khach")
    script = """
import csv, sqlite3, sys
database = sqlite3.connect(sys.argv[2])
database.execute("PRAGMA journal_mode=WAL")
database.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT UNIQUE, a, b, c, d, e, f)")
with open(sys.argv[1], encoding="utf-8", newline="") as file:
    rows = csv.reader(file)
    next(rows)
    database.executemany("INSERT INTO people VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", rows)
database.commit()
"""
    database = bench.folder / "bare.db"
    took = measure.run("python3", "-c", script, path, database)
    for left in bench.folder.glob("bare.*"):
        left.unlink()
    return took.wall
