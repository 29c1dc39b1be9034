"""Readers who follow the links of mails while a run sends the next ones, beside nginx, which redirects and writes nothing down."""
import base64
import contextlib
import hashlib
import hmac
import json
import sqlite3
import subprocess
import threading
import time

from . import machine, measure, sink
from .send import PATTERN
from .shop import SETTINGS, Shop, ago
from .table import count

RATE = 10_000
CONNECTIONS = 256
URL = "https://acme.example/xuan"

CAMPAIGN = """\
trigger: { tag: khach }
steps:
  - { id: spring, delay: 1d, send: mail }
  - { id: summer, delay: 60d, send: mail }
"""

NGINX = """\
worker_processes 1; daemon off; error_log stderr crit; pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen {address}; location / {{ return 302 {url}; }} }} }}
"""


def compare(bench, table):
    if not sink.is_there():
        table.add("clicks", "", "smtp-sink is not installed (Debian: postfix)")
        return
    client = machine.build_bench("clicks")
    readers = bench.size(100_000, PATTERN)
    shop = Shop(bench.drip, bench.folder / "readers")
    shop.write("campaigns/xuan.yaml", CAMPAIGN)
    shop.join(PATTERN, ago(days=3), tags="khach")
    shop.run("-q", "run", now=ago(days=2))
    shop.multiply(readers // PATTERN - 1)
    machine.say(f"   {count(readers)} mails that were sent")
    listen = f"127.0.0.1:{sink.free_port()}"
    with sink.sink() as address:
        shop.write("drip.yaml", settings(address, listen))
        shop.run("-q", "run", now=ago(seconds=60))
    paths = shop.folder / "paths"
    paths.write_text("".join(f"/c/{token}\n" for token in tokens(shop)), encoding="utf-8")
    machine.say(f"   {count(RATE)} clicks a second while {count(readers)} mails are sent")
    with sink.sink() as address:
        shop.write("drip.yaml", settings(address, listen))
        with served([shop.drip, "serve"], listen, cwd=shop.folder):
            took = []
            run = threading.Thread(target=lambda: took.append(shop.run("-q", "run", now=ago(days=-61))))
            run.start()
            ours = follow(client, listen, paths)
            behind = until_recorded(shop)
            run.join()
    if not took:
        raise RuntimeError("the run beside the clicks failed")
    lost = readers - shop.count("SELECT count(DISTINCT send_id) FROM reactions WHERE what LIKE 'clicked%'")
    unsent = 2 * readers - shop.count("SELECT count(*) FROM sends WHERE state = 2")
    errors = ours["others"] + ours["failed"]
    theirs = nginx(bench, client, paths)
    what = f"{count(RATE)} clicks a second beside a run:"
    table.add(f"{what} answered, in a second", count(ours["redirects"] / ours["seconds"]), f"{count(theirs['redirects'] / theirs['seconds'])} (nginx alone)",
              goal=count(RATE), met=ours["redirects"] / ours["seconds"] >= 0.97 * RATE)  # fmt: skip
    table.add(f"{what} errors, and clicks that were lost", f"{errors}, {lost}", f"{theirs['others'] + theirs['failed']}, all (nginx alone)", goal="0, 0", met=errors == lost == 0)
    table.add(f"{what} half of them within", f"{ours['p50_ms']:.1f} ms", f"{theirs['p50_ms']:.1f} ms (nginx alone)")
    table.add(f"{what} 99 in 100 within", f"{ours['p99_ms']:.1f} ms", f"{theirs['p99_ms']:.1f} ms (nginx alone)")
    table.add(f"{what} all of them are events and counted, after the last", f"{behind:.1f} s")
    table.add("mails that the run beside them did not send", count(unsent), goal="0", met=unsent == 0)
    table.add("mails a second of that run", count(readers / took[0].wall))
    shop.remove()


def until_recorded(shop):
    """How long it takes until nothing that came in the crowd is put by any more."""
    begun = time.monotonic()
    while shop.count("SELECT count(*) FROM arrivals"):
        time.sleep(0.1)
    return time.monotonic() - begun


def settings(address, listen):
    web = f"public_url: http://{listen}\nlisten: {listen}\ntracking: {{ clicks: true, opens: true }}\nfrequency_cap: none\n"
    return SETTINGS + web + f'smtp: {{ url: "smtp://{address}?tls=none", connections: 16 }}\n'


def tokens(shop):
    """The token of one link for each mail that was sent, made as drip makes it, in no order."""
    with contextlib.closing(sqlite3.connect(shop.database)) as database:
        number, key = database.execute("SELECT id, key FROM link_keys ORDER BY id DESC LIMIT 1").fetchone()
        sends = [row[0] for row in database.execute("SELECT id FROM sends WHERE state = 2 ORDER BY id * 7919 % 100003")]
    for send in sends:
        text = bytes([1, 2, number]) + varint(send) + URL.encode()
        proof = hmac.new(bytes.fromhex(key), b"drip link\0" + text, hashlib.sha256).digest()[:16]
        yield base64.urlsafe_b64encode(text + proof).decode().rstrip("=")


def varint(number):
    out = bytearray()
    while True:
        number, seven = number >> 7, number & 0x7F
        out.append(seven | 0x80 if number else seven)
        if not number:
            return bytes(out)


@contextlib.contextmanager
def served(command, listen, **more):
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    try:
        sink.wait_for(*listen.split(":"))
        yield
    finally:
        server.terminate()
        server.wait()


def follow(client, listen, paths):
    return json.loads(measure.run(client, listen, paths, RATE, CONNECTIONS).output)


def nginx(bench, client, paths):
    """The same requests to nginx, while nothing else runs."""
    folder = bench.folder / "nginx"
    if not machine.unpacked("nginx", folder):
        return {"redirects": float("nan"), "seconds": 1, "others": 0, "failed": 0, "p50_ms": float("nan"), "p99_ms": float("nan")}
    listen = f"127.0.0.1:{sink.free_port()}"
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, address=listen, url=URL), encoding="utf-8")
    with served([folder / "usr/sbin/nginx", "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"], listen):
        return follow(client, listen, paths)
