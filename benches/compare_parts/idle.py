"""An idle run: nobody is due, a million people are enrolled in ten campaigns."""
from . import machine, measure
from .shop import Shop, ago
from .table import count, duration

CAMPAIGNS = 10
RUNS = 21

CAMPAIGN = """\
trigger:
  - {{ tag: nhom{0} }}
  - {{ event: signed_up_{0} }}
goal: {{ event: purchased, within: 30d }}
steps:
  - id: hello
    send: mail
  - id: later
    delay: 20d
    if: contact.plan != "staff"
    send: mail
"""


def compare(bench, table):
    sizes = bench.sizes(10_000, 100_000, 1_000_000)
    waiting, finished = [], []
    for size in sizes:
        machine.say(f"   {count(size)} people who wait")
        waiting.append(idle(shop(bench, waiting=size)))
    for size in sizes:
        machine.say(f"   {count(sizes[-1])} people who wait, {count(size)} who are through")
        finished.append(idle(shop(bench, waiting=sizes[-1], finished=size)))
    table.add(
        f"an idle run, {count(sizes[-1])} people waiting in {CAMPAIGNS} campaigns",
        duration(waiting[-1]),
        goal="20 ms",
        met=waiting[-1] < 0.02,
    )
    table.add(
        f"the same with {count(sizes[-1])} more who are through",
        duration(finished[-1]),
        f"{duration(waiting[-1])} (without them)",
        f"{finished[-1] / waiting[-1]:.2f}",
        "not growing",
        finished[-1] < 1.25 * waiting[-1],
    )
    table.grows("an idle run, by people who wait", sizes, waiting)
    table.grows("an idle run, by people who are through", sizes, finished)


def shop(bench, waiting, finished=0):
    """Returns a shop with as many people who wait for their second mail, and who have had it."""
    shop = Shop(bench.drip, bench.folder / "idle")
    for number in range(CAMPAIGNS):
        shop.write(f"campaigns/nhom{number}.yaml", CAMPAIGN.format(number))
    group = {"tags": lambda person: f"nhom{person % CAMPAIGNS}"}
    shop.join(CAMPAIGNS, ago(days=28), **group)
    shop.run("-q", "run", now=ago(days=27))
    shop.run("-q", "run", now=ago(days=6))
    shop.join(CAMPAIGNS, ago(days=5), first=CAMPAIGNS, **group)
    shop.run("-q", "run", now=ago(days=4))
    through = shop.count("SELECT count(*) FROM enrolments WHERE state = 'finished'")
    if through != CAMPAIGNS:
        raise RuntimeError(f"{through} people are through")
    shop.multiply(waiting // CAMPAIGNS - 1, f"id > {CAMPAIGNS}")
    if finished:
        shop.multiply(finished // CAMPAIGNS - 1, f"id <= {CAMPAIGNS}")
    return shop


def idle(shop):
    """Returns how long a run takes from exec to exit, once the file is in memory."""
    runs = [shop.run("-q", "run") for _ in range(RUNS)]
    shop.remove()
    return measure.median(runs[1:]).wall
