"""A line of 25 ms each way to a sink: in the kernel where it can (a network namespace with netem), else by a proxy.

    python3 slow_line.py LISTEN_PORT HOST:PORT SECONDS

runs the proxy: it hands on whatever comes, on each connection and in each direction, so many seconds later.
"""
import collections
import contextlib
import os
import selectors
import socket
import subprocess
import sys
import time

EACH_WAY = 0.025
ROUND_TRIP = 2 * EACH_WAY
# A range that RFC 2544 sets apart for measuring.
HERE, THERE = "198.18.47.1", "198.18.47.2"


@contextlib.contextmanager
def netem():
    """Makes a network namespace behind a slow line; hands out the address in it, and the command that runs there."""
    name = f"drip-{os.getpid()}"
    near, far = f"dn{os.getpid() % 10**7}", f"df{os.getpid() % 10**7}"

    def run(*command):
        subprocess.run(command, check=True, capture_output=True)

    try:
        run("ip", "netns", "add", name)
        run("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
        run("ip", "address", "add", f"{HERE}/30", "dev", near)
        run("ip", "-n", name, "address", "add", f"{THERE}/30", "dev", far)
        for device, where in ((near, []), (far, ["-n", name])):
            run("ip", *where, "link", "set", device, "up")
            delay = ["delay", f"{EACH_WAY * 1000:.0f}ms", "limit", "100000"]
            run("tc", *where, "qdisc", "add", "dev", device, "root", "netem", *delay)
        yield THERE, ["ip", "netns", "exec", name]
    finally:
        # Both ends of the line go with either of them.
        for gone in (["link", "delete", near], ["netns", "delete", name]):
            subprocess.run(["ip", *gone], check=False, capture_output=True)


@contextlib.contextmanager
def proxy(address, port):
    """Runs the proxy in front of an address."""
    child = subprocess.Popen([sys.executable, __file__, str(port), address, str(EACH_WAY)])
    try:
        yield f"127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait()


class Line:
    """Connections in pairs, and what is on its way between them."""

    def __init__(self, port, target, delay):
        self.target, self.delay = target, delay
        self.ends = selectors.DefaultSelector()
        self.door = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.ends.register(self.door, selectors.EVENT_READ)
        self.under_way = collections.deque()
        self.other = {}

    def work(self):
        while True:
            wait = max(0, self.under_way[0][0] - time.monotonic()) if self.under_way else None
            for key, _ in self.ends.select(wait):
                self.admit() if key.fileobj is self.door else self.take(key.fileobj)
            # All wait equally long, so they arrive in the order in which they set out.
            while self.under_way and self.under_way[0][0] <= time.monotonic():
                self.deliver(*self.under_way.popleft()[1:])

    def admit(self):
        near, _ = self.door.accept()
        far = socket.create_connection(self.target)
        for one, other in ((near, far), (far, near)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.other[one] = other
            self.ends.register(one, selectors.EVENT_READ)

    def take(self, end):
        try:
            piece = end.recv(1 << 16)
        except OSError:
            piece = b""
        if not piece:
            self.ends.unregister(end)
        self.under_way.append((time.monotonic() + self.delay, self.other[end], piece))

    def deliver(self, end, piece):
        with contextlib.suppress(OSError):
            end.sendall(piece) if piece else end.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    host, port = sys.argv[2].split(":")
    Line(int(sys.argv[1]), (host, int(port)), float(sys.argv[3])).work()
