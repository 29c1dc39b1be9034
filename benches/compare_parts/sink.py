"""Postfix's own ends of a dialogue: smtp-sink, which takes every mail, and smtp-source, which sends them."""
import contextlib
import socket
import subprocess
import time

from . import machine, measure


@contextlib.contextmanager
def sink(host="127.0.0.1", within=()):
    """Runs an smtp-sink and hands out its `host:port`; `within` is a command to run it in."""
    port = free_port()
    # As root it asks whom to become.
    user = ["-u", "nobody"] if machine.is_root() else []
    child = subprocess.Popen([*within, "smtp-sink", *user, f"{host}:{port}", "1024"], stderr=subprocess.DEVNULL)
    try:
        wait_for(host, port)
        yield f"{host}:{port}"
    finally:
        child.terminate()
        child.wait()


def source(address, mails, connections, length=4096):
    """Sends that many mails with smtp-source, over connections that stay open."""
    return measure.run(
        "smtp-source", "-d", "-s", connections, "-l", length, "-m", mails,
        "-f", "hello@acme.example", "-t", "lan@example.com", address,
    )  # fmt: skip


def is_there():
    return machine.has("smtp-sink") and machine.has("smtp-source")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(host, port):
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=2):
            return
        time.sleep(0.05)
    raise RuntimeError(f"nothing answers at {host}:{port}")
