"""What people would use instead: django-drip-campaigns and mailmerge, sending the same mails into the same sink."""
import contextlib
import shutil
import sqlite3

from . import machine, measure, sink
from .send import crowd, send
from .shop import details
from .table import count, duration, rate, times

# The peers open one connection at a time; drip does as it does by itself.
CONNECTIONS = 4

SETTINGS = """\
SECRET_KEY = "bench"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.messages",
                  "django.contrib.sessions", "django.contrib.admin", "drip"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "django.db"}}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
DRIP_FROM_EMAIL = "hello@acme.example"
EMAIL_HOST, EMAIL_PORT = "@HOST@", @PORT@
USE_TZ = True
ROOT_URLCONF = "urls"
SILENCED_SYSTEM_CHECKS = ["admin.E402", "admin.E404", "admin.E408", "admin.E409", "admin.E410", "admin.W411"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
"""
FILL = """
import csv, django
django.setup()
from django.contrib.auth.models import User
from drip.models import Drip
people = csv.DictReader(open("people.csv", encoding="utf-8"))
User.objects.bulk_create([User(username=row["email"], email=row["email"], first_name=row["first_name"],
                               last_name=row["last_name"]) for row in people], batch_size=500)
drip = Drip.objects.create(name="xuan", enabled=True, from_email="hello@acme.example", from_email_name="Acme Tea",
    subject_template="{{ user.first_name }} ơi, trà vụ xuân đã về", body_html_template=open("body.html").read())
drip.queryset_rules.create(field_name="is_active", lookup_type="exact", field_value="True")
"""

CONFIG = """\
[smtp_server]
host = @HOST@
port = @PORT@
security = Never
"""
MERGE = """\
TO: {{email}}
SUBJECT: {{first_name}} ơi, trà vụ xuân đã về
FROM: Acme Tea <hello@acme.example>
Content-Type: text/html

"""


def compare(bench, table):
    if not sink.is_there():
        table.add("peers", "", "smtp-sink is not installed (Debian: postfix)")
        return
    mails = bench.size(10_000, 100)
    machine.say(f"   {count(mails)} mails by drip")
    due = crowd(bench, "due", mails)
    ours, shop = send(due, CONNECTIONS, mails)
    due.remove()
    our_idle = measure.median([shop.run("-q", "run") for _ in range(5)])
    body = the_html(shop)
    shop.remove()
    found = []
    for name, packages, peer in (
        ("django-drip-campaigns", ("django-drip-campaigns==1.16.2", "Django>=4.2,<5"), Django),
        ("mailmerge", ("mailmerge",), Mailmerge),
    ):
        machine.say(f"   {count(mails)} mails by {name}")
        folder = bench.folder / name
        folder.mkdir()
        try:
            peer = peer(machine.virtual_environment(folder / "venv", *packages), folder, mails, body)
            with sink.sink() as address:
                took = peer.send(address)
                found.append((name, took, peer.idle(address)))
        except (OSError, RuntimeError) as error:
            table.add(f"{count(mails)} mails beside {name}", "", str(error).splitlines()[-1])
        shutil.rmtree(folder)
    for name, took, idle in found:
        table.add(
            f"{count(mails)} mails beside {name}",
            f"{rate(mails / ours.wall)} over {CONNECTIONS} connections",
            rate(mails / took.wall),
            times(took.wall / ours.wall),
            "100",
            took.wall / ours.wall >= 100,
        )
        table.add(
            f"mails for a second of CPU beside {name}",
            count(mails / ours.cpu),
            count(mails / took.cpu),
            times(took.cpu / ours.cpu),
            "20",
            took.cpu / ours.cpu >= 20,
        )
        if idle:
            table.add(
                f"an idle run over {count(mails)} people beside {name}",
                duration(our_idle.wall),
                duration(idle.wall),
                times(idle.wall / our_idle.wall),
            )


def the_html(shop):
    """Returns the HTML that drip sends, so that the peers send as much; it is their template, too."""
    return shop.run("preview", "xuan", "spring", "--format", "html").output


class Django:
    """django-drip-campaigns: users and drips in SQLite, `manage.py send_drips` from cron."""

    def __init__(self, programs, folder, mails, body):
        self.folder, self.python, self.mails = folder, programs / "python", mails
        write_people(folder / "people.csv", mails)
        (folder / "body.html").write_text(body.replace("Lan", "{{ user.first_name }}"), encoding="utf-8")
        (folder / "urls.py").write_text("urlpatterns = []\n")
        self.configure("127.0.0.1:1")
        self.run("-m", "django", "migrate", "-v", "0")
        self.run("-c", FILL)

    def configure(self, address):
        (self.folder / "settings.py").write_text(at(address, SETTINGS))

    def run(self, *arguments):
        clean = {"PATH": "/usr/bin:/bin", "DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": str(self.folder)}
        return measure.run(self.python, *arguments, cwd=self.folder, env=clean)

    def send(self, address):
        self.configure(address)
        took = self.run("-m", "django", "send_drips")
        with contextlib.closing(sqlite3.connect(self.folder / "django.db")) as database:
            (sent,) = database.execute("SELECT count(*) FROM drip_sentdrip").fetchone()
        if sent != self.mails:
            raise RuntimeError(f"{sent} of {self.mails} mails were sent")
        return took

    def idle(self, address):
        self.configure(address)
        return self.run("-m", "django", "send_drips")


class Mailmerge:
    """mailmerge: a template and a CSV file, no memory of what it sent."""

    def __init__(self, programs, folder, mails, body):
        self.folder, self.program = folder, programs / "mailmerge"
        write_people(folder / "mailmerge_database.csv", mails)
        template = MERGE + body.replace("Lan", "{{first_name}}")
        (folder / "mailmerge_template.txt").write_text(template, encoding="utf-8")

    def send(self, address):
        (self.folder / "mailmerge_server.conf").write_text(at(address, CONFIG))
        return measure.run(self.program, "--no-dry-run", "--no-limit", cwd=self.folder)

    def idle(self, _address):
        return None


def at(address, text):
    """Puts the sink's address into a configuration."""
    host, port = address.split(":")
    return text.replace("@HOST@", host).replace("@PORT@", port)


def write_people(path, number):
    lines = ["email,first_name,last_name,city,plan,language"]
    lines += [",".join(details(person)) for person in range(number)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
