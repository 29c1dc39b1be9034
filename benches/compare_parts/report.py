"""The report over ten million sends, read from a cold disk."""
from . import machine, measure
from .shop import Shop, ago
from .table import count, duration

CAMPAIGNS = 10
STEPS = 5

CAMPAIGN = """\
trigger: {{ tag: nhom{0} }}
goal: {{ event: purchased, within: 30d }}
steps:
""" + "".join(
    f"  - {{{{ id: step{number}, delay: {min(number, 1)}d, send: mail }}}}\n" for number in range(STEPS)
)


def compare(bench, table):
    sizes = bench.sizes(10_000, 100_000, 1_000_000, 10_000_000, least=CAMPAIGNS * 2 * STEPS)
    cold, warm = [], []
    for size in sizes:
        machine.say(f"   {count(size)} sends")
        shop = sent(bench, size)
        whole = shop.bytes() / 2**30
        runs = []
        for _ in range(3):
            forgets = machine.forget()
            runs.append(shop.run("report", peak=True))
        cold.append(measure.median(runs).wall)
        peak = max(run.peak for run in runs)
        warm.append(measure.median([shop.run("report") for _ in range(3)]).wall)
        period = shop.run("report", "--since", "3d")
        shop.remove()
    how = "cold" if forgets else "warm: root alone can have the kernel forget"
    table.add(
        f"report over {count(sizes[-1])} sends of {CAMPAIGNS} campaigns ({whole:.1f} GiB), {how}",
        duration(cold[-1]),
        goal="1 s",
        met=cold[-1] < 1,
    )
    table.add("the same, warm", f"{duration(warm[-1])}, {peak:.0f} MiB")
    table.add("the same, of those who entered within three days, warm", duration(period.wall))
    table.grows("report", sizes[-3:], cold[-3:])


def sent(bench, size):
    """Returns a shop in which each of its people got five mails in each of two campaigns."""
    shop = Shop(bench.drip, bench.folder / "report")
    shop.write("drip.yaml", (shop.folder / "drip.yaml").read_text() + "frequency_cap: none\n")
    for number in range(CAMPAIGNS):
        shop.write(f"campaigns/nhom{number}.yaml", CAMPAIGN.format(number))
    groups = {"tags": lambda person: f"nhom{person % CAMPAIGNS};nhom{(person + 1) % CAMPAIGNS}"}
    shop.join(CAMPAIGNS, ago(days=10), **groups)
    for step in range(STEPS):
        shop.run("-q", "run", now=ago(days=8 - step, seconds=-60 * step))
    made = shop.count("SELECT count(*) FROM sends WHERE state = 2")
    if made != CAMPAIGNS * 2 * STEPS:
        raise RuntimeError(f"{made} mails were sent")
    shop.multiply(size // made - 1)
    return shop
