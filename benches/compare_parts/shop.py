"""A drip project of a shop, and the people in it.

Whatever a state costs to reach with a million people is played by drip itself with a few, and then copied in
SQL: each person with their rows in every table, in the order in which drip would have written them.
"""
import csv
import datetime as dt
import os
import pathlib
import shutil
import sqlite3

from . import measure

FAMILY = ["Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Phan", "Vũ", "Đặng", "Bùi", "Đỗ"]
GIVEN = ["Lan", "Minh", "Hương", "Tuấn", "Thảo", "Đức", "Ngọc", "Quỳnh", "Bảo", "Phượng"]
CITIES = ["Hà Nội", "Đà Nẵng", "Huế", "Cần Thơ", "Hải Phòng", "Thành phố Hồ Chí Minh", "Nha Trang"]
PLANS = ["free", "pro", "team"]

SETTINGS = """\
from: Acme Tea <hello@acme.example>
reply_to: support@acme.example
postal_address: Acme Tea JSC, 12 Lý Thường Kiệt, Hà Nội
language: vi
timezone: Asia/Ho_Chi_Minh
"""

# About 4 KB as it leaves: a text part, an HTML part made from MJML, a subject in Vietnamese.
MAIL = """\
---
subject: "{{first_name}} ơi, trà vụ xuân đã về đến {{city}}"
---
<mjml>
  <mj-body>
    <mj-section>
      <mj-column>
        <mj-text>
          <p>Chào {{first_name}} {{last_name}},</p>
          <p>trà vụ xuân từ mười một vườn ở miền Bắc đã về đến {{city}}. Với hạng {{plan}} bạn được giảm 10 %.</p>
          <p><a href="https://acme.example/xuan?khach={{contact.email}}">Xem trà vụ xuân</a></p>
          <p>{{postal_address}} · <a href="{{unsubscribe_url}}">Ngừng nhận thư</a></p>
        </mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""

# Column → the table whose rows it names.
REFERENCES = {"contact_id": "contacts", "enrolment_id": "enrolments", "event_id": "events"}
# What belongs to people, the referred to first. The ledger's rows are in the order of time.
TABLES = ["contacts", "consent_changes", "events", "standings", "stage_changes", "members", "watches", "enrolments", "sends"]


def ago(days=0, seconds=0):
    """Returns a moment before now as `--now` takes it."""
    at = dt.datetime.now(dt.timezone.utc) - dt.timedelta(days=days, seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


class Shop:
    """A project's folder."""

    def __init__(self, drip, folder):
        self.drip, self.folder = drip, pathlib.Path(folder)
        self.write("drip.yaml", SETTINGS)
        self.write("templates/mail.mjml", MAIL)

    @property
    def database(self):
        return self.folder / "drip.db"

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run(self, *arguments, now=None, peak=False, codes=(0,)):
        """Runs drip here."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("DRIP_")}
        clock = ["--now", now] if now else []
        return measure.run(self.drip, *clock, *arguments, cwd=self.folder, env=clean, peak=peak, codes=codes)

    def join(self, number, now, first=0, **more):
        """Imports people; `more` are columns, each a value or a function of the person's number."""
        people(self.folder / "people.csv", number, first, **more)
        self.run("import", "-q", "people.csv", now=now)

    def clone(self, name):
        """Copies the whole project beside itself."""
        copy = Shop.__new__(Shop)
        copy.drip, copy.folder = self.drip, self.folder.with_name(name)
        shutil.rmtree(copy.folder, ignore_errors=True)
        shutil.copytree(self.folder, copy.folder)
        os.sync()
        return copy

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def multiply(self, copies, who="1"):
        """Copies the people for whom `who` (SQL over `contacts`) holds, with all that belongs to them."""
        database = sqlite3.connect(self.database, isolation_level=None)
        database.executescript("PRAGMA synchronous=OFF; PRAGMA cache_size=-500000; PRAGMA temp_store=MEMORY; BEGIN;")
        database.execute(f"CREATE TEMP TABLE who AS SELECT id FROM contacts WHERE {who}")
        highest = {
            table: database.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]
            for table in REFERENCES.values()
        }
        for table in TABLES:
            copy_rows(database, table, copies, highest)
        # Rows that were never changed went past the triggers that count.
        database.execute("DELETE FROM tallies")
        database.execute("INSERT INTO tallies SELECT * FROM recount")
        database.execute("DELETE FROM standing_counts")
        database.execute("INSERT INTO standing_counts SELECT * FROM restandings")
        database.execute("COMMIT")
        database.close()

    def count(self, query):
        database = sqlite3.connect(self.database)
        number = database.execute(query).fetchone()[0]
        database.close()
        return number

    def bytes(self):
        """Returns the size of the database with everything in its one file."""
        database = sqlite3.connect(self.database)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        database.close()
        return measure.size_of(self.database)


def copy_rows(database, table, copies, highest):
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    if table == "sends":
        # Nothing names its rows; SQLite numbers them in their order.
        columns.remove("id")

    def changed(column):
        if column == "id":
            return f"t.id + k.value * {highest[table]}"
        if column in REFERENCES:
            return f"t.{column} + k.value * {highest[REFERENCES[column]]}"
        if table == "contacts" and column in ("email", "email_key"):
            return f"'k' || k.value || '.' || t.{column}"
        return f"t.{column}"

    person = {"contacts": "id", "sends": "(SELECT contact_id FROM enrolments WHERE id = enrolment_id)"}
    database.execute("DROP TABLE IF EXISTS temp.pattern")
    database.execute(
        f"""CREATE TEMP TABLE pattern AS SELECT * FROM {table} WHERE {person.get(table, "contact_id")} IN who
            ORDER BY {"at, id" if table == "sends" else "1, 2"}"""
    )
    # CROSS JOIN keeps the loops as they are written: by person, but the ledger by time.
    loops = "pattern t CROSS JOIN k" if table == "sends" else "k CROSS JOIN pattern t"
    database.execute(
        f"""INSERT OR REPLACE INTO {table} ({", ".join(columns)})
            WITH RECURSIVE k (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM k WHERE value < {copies})
            SELECT {", ".join(map(changed, columns))} FROM {loops} WHERE {copies} > 0"""
    )


def people(path, number, first=0, **more):
    """Writes a CSV file of people."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["email", "first_name", "last_name", "city", "plan", "language", *more])
        for person in range(first, first + number):
            writer.writerow([*details(person), *(v(person) if callable(v) else v for v in more.values())])


def details(person):
    """Returns address, names, city, plan and language of a person."""
    given, family = GIVEN[person % 10], FAMILY[person // 10 % 10]
    return (f"khach{person:07}@example.com", given, family, CITIES[person % 7], PLANS[person % 3], "vi")
