"""Sending: a crowd that is due, with a durable ledger, beside Postfix's own load generator into the same sink."""
from . import machine, measure, sink
from .shop import SETTINGS, Shop, ago
from .table import count, rate, times

CONNECTIONS = 16
PATTERN = 100

CAMPAIGN = """\
trigger: { tag: khach }
goal: { event: purchased, within: 30d }
exit_when: contact.plan == "left"
steps:
  - id: spring
    delay: 1d
    if: contact.plan != "staff"
    send: mail
  - id: summer
    delay: 60d
    send: mail
"""


def compare(bench, table):
    if not sink.is_there():
        table.add("send", "", "smtp-sink and smtp-source are not installed (Debian: postfix)")
        return
    mails = bench.size(50_000, PATTERN)
    due = crowd(bench, "due", mails)
    due.write("drip.yaml", due_settings("127.0.0.1:1", CONNECTIONS))
    ours, theirs, growth = [], [], []
    before = due.bytes()
    after = before
    for turn in range(3):
        machine.say(f"   {count(mails)} mails, {turn + 1} of 3")
        took, shop = send(due, CONNECTIONS, mails)
        ours.append(took)
        after = shop.bytes()
        shop.remove()
        with sink.sink() as address:
            theirs.append(sink.source(address, mails, CONNECTIONS))
    due.remove()
    ours, theirs = measure.median(ours), measure.median(theirs)
    ratio = theirs.wall / ours.wall
    table.add(
        f"send {count(mails)} mails over {CONNECTIONS} connections",
        rate(mails / ours.wall),
        f"{rate(mails / theirs.wall)} (smtp-source)",
        times(ratio),
        "0.50",
        ratio >= 0.5,
    )
    table.add(
        "CPU for a mail, rendered and with its ledger",
        f"{ours.cpu / mails * 1e6:.0f} µs",
        f"{theirs.cpu / mails * 1e6:.0f} µs (smtp-source)",
        times(ours.cpu / theirs.cpu),
    )
    table.add("memory of that run at its peak", f"{ours.peak:.0f} MiB", goal="64 MiB", met=ours.peak < 64)
    bytes_each = (after - before) / mails
    table.add("database for a send", f"{bytes_each:.0f} bytes", goal="250 bytes", met=bytes_each < 250)
    sizes = bench.sizes(10_000, 100_000, 1_000_000, least=PATTERN)
    for size in sizes:
        machine.say(f"   {count(size)} mails")
        due = crowd(bench, "due", size)
        took, shop = send(due, CONNECTIONS, size)
        growth.append(took)
        due.remove()
        shop.remove()
    table.grows("send", sizes, [took.wall for took in growth])
    peak = growth[-1].peak
    table.add(f"memory at its peak, {count(sizes[-1])} mails", f"{peak:.0f} MiB", goal="64 MiB", met=peak < 64)


def crowd(bench, name, mails):
    """Returns a shop in which that many mails have been due since yesterday."""
    shop = Shop(bench.drip, bench.folder / name)
    shop.write("campaigns/xuan.yaml", CAMPAIGN)
    shop.join(PATTERN, ago(days=3), tags="khach")
    shop.run("-q", "run", now=ago(days=2))
    shop.multiply(mails // PATTERN - 1)
    return shop


def due_settings(address, connections):
    return SETTINGS + f'smtp: {{ url: "smtp://{address}?tls=none", connections: {connections} }}\n'


def send(due, connections, mails, make_sink=sink.sink):
    """Sends what is due in a copy of a shop into a sink of its own; returns what it took, and the copy."""
    shop = due.clone("sent")
    with make_sink() as address:
        shop.write("drip.yaml", due_settings(address, connections))
        took = shop.run("run", peak=True)
    sent = shop.count("SELECT count(*) FROM sends WHERE state = 2")
    if sent != mails:
        raise RuntimeError(f"{sent} of {mails} mails were sent:\n{took.output}")
    return took, shop
