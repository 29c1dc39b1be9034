"""A relay far away: 25 ms each way between drip and the sink."""
import contextlib
import subprocess

from . import machine, sink, slow_line
from .send import crowd, send
from .slow_line import ROUND_TRIP
from .table import count, rate, times

CONNECTIONS = (1, 10, 50, 200)
EACH = 100


def compare(bench, table):
    if not sink.is_there():
        table.add("a relay far away", "", "smtp-sink and smtp-source are not installed (Debian: postfix)")
        return
    try:
        with slow_line.netem() as (host, within):
            rows(bench, table, "by netem", lambda: sink.sink(host, within))
    except (OSError, subprocess.CalledProcessError):
        machine.say("   the kernel has no netem, or this is not root: a proxy it is")
        rows(bench, table, "by a proxy", behind_proxy)


@contextlib.contextmanager
def behind_proxy():
    port = sink.free_port()
    with sink.sink() as address, slow_line.proxy(address, port) as slow:
        sink.wait_for("127.0.0.1", port)
        yield slow


def rows(bench, table, how, far_sink):
    for connections in CONNECTIONS:
        mails = bench.size(connections * EACH, 100)
        machine.say(f"   {connections} connections, {count(mails)} mails")
        due = crowd(bench, "far", mails)
        took, shop = send(due, connections, mails, far_sink)
        due.remove()
        shop.remove()
        with far_sink() as address:
            peer = sink.source(address, mails, connections)
        each = [mails / run.wall / connections for run in (took, peer)]
        table.add(
            f"a relay {ROUND_TRIP * 1000:.0f} ms away {how}, {connections} connections: mails/s for each",
            f"{each[0]:.1f} (in all {rate(mails / took.wall)})",
            f"{each[1]:.1f} (smtp-source)",
            times(each[0] / each[1]),
            f"{0.75 / ROUND_TRIP:.0f}, {1 / ROUND_TRIP:.0f} being a round trip a mail",
            each[0] * ROUND_TRIP >= 0.75,
        )
