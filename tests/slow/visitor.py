#!/usr/bin/env python3
"""Somebody follows the link of a mail to a shop, in a browser, and the shop's pages tell drip what they look at.

The shop is another site than the server, its pages forbid everything that docs/serving.md does not ask them to allow, and one
of them asks for consent first. Who came by no mail, who does not want to be followed and what is no person leave no trace.
"""

import argparse
import contextlib
import email
import email.policy
import html
import http.server
import json
import pathlib
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

from selenium import webdriver

sys.dont_write_bytecode = True

from ports import free_port  # noqa: E402
from served import served  # noqa: E402

MONDAY = "2026-03-02T02:00:00Z"
PERSON = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
PEOPLE = ("lan", "minh", "scan")
NO_FOLLOWING = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true });"


def shop(port, server):
    """The shop's pages: what is `/asks` is silent until somebody agrees."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.split("?")[0].strip("/") or "home"
            consent = " data-consent" if name == "asks" else ""
            body = f'<!doctype html><title>Trà {name}</title><script src="http://127.0.0.1:{server}/viewed.js" defer{consent}></script>'.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", f"default-src 'none'; script-src http://127.0.0.1:{server}; connect-src http://127.0.0.1:{server}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    served = http.server.ThreadingHTTPServer(("127.0.0.1", port), Page)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    return served


class Project:
    def __init__(self, drip, root, port, site):
        self.command, self.root, self.port = [drip, "-C", root], root, port
        (root / "campaigns").mkdir()
        (root / "templates").mkdir()
        (root / "drip.yaml").write_text(
            "from: Trà Sen <hello@acme.example>\npostal_address: 12 Lý Thường Kiệt, Hà Nội\n"
            f"public_url: http://127.0.0.1:{port}\nlisten: 127.0.0.1:{port}\ntracking: {{ clicks: true, pages: [{site}] }}\n")
        (root / "campaigns/tea.yaml").write_text("trigger: { segment: 'true' }\nsteps:\n  - { id: first, send: tea }\n")
        (root / "templates/tea.md").write_text(
            f"---\nsubject: tea\n---\n[Tea]({site}/tea?size=2#top) [Asks]({site}/asks)\n\n{{{{unsubscribe_url}}}} {{{{postal_address}}}}\n")
        (root / "people.csv").write_text("email\n" + "".join(f"{who}@example.com\n" for who in PEOPLE))
        self.drip("import", "people.csv")
        self.drip("--now", MONDAY, "run")

    def drip(self, *words):
        done = subprocess.run([*self.command, *words], capture_output=True, text=True, cwd=self.root, check=False)
        assert done.returncode == 0, f"{words}: {done.stderr}"

    def served(self):
        return served([*self.command, "serve"], self.port)

    def links(self, who):
        for path in (self.root / "outbox").glob("*/*"):
            mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if mail["to"].addresses[0].username == who:
                page = mail.get_body(("html",)).get_content()
                return [html.unescape(link) for link in re.findall(rf'href="(http://127\.0\.0\.1:{self.port}/c/[^"]+)"', page)]
        raise AssertionError(f"no mail to {who}")

    def views(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.root}/drip.db?mode=ro", uri=True)) as store:
            rows = store.execute(
                "SELECT c.email, e.properties FROM events e JOIN contacts c ON c.id = e.contact_id WHERE e.name = 'page_viewed' ORDER BY e.id").fetchall()
        return [(who.split("@")[0], told["url"], told["title"], told["campaign"], told["step"]) for who, told in ((who, json.loads(told)) for who, told in rows)]


def browser(agent=PERSON, first=None):
    options = webdriver.ChromeOptions()
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", *([f"--user-agent={agent}"] if agent else [])):
        options.add_argument(word)
    started = webdriver.Chrome(options=options)
    if first:
        started.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": first})
    return contextlib.closing(started)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--drip", required=True, type=pathlib.Path)
    given = arguments.parse_args()
    port, elsewhere = free_port(), free_port()
    site = f"http://127.0.0.1:{elsewhere}"
    with tempfile.TemporaryDirectory() as folder:
        project = Project(given.drip.resolve(), pathlib.Path(folder), port, site)
        shop(elsewhere, port)
        expected = []

        def told(what, *rows):
            expected.extend((who, f"{site}{path}", f"Trà {title}", "tea", "first") for who, path, title in rows)
            for _ in range(100):
                if len(project.views()) >= len(expected):
                    break
                time.sleep(0.05)
            # What should not be told has had its time.
            time.sleep(0 if rows else 1)
            assert project.views() == expected, f"{what}: {project.views()}"

        with project.served():
            with browser() as lan:
                lan.get(f"{site}/tea")
                told("who came by no mail")
                lan.get(project.links("lan")[0])
                assert lan.current_url == f"{site}/tea?size=2#top", f"the token stays in the address: {lan.current_url}"
                told("the page of the link", ("lan", "/tea?size=2", "tea"))
                lan.get(f"{site}/cups")
                told("another page in the same tab", ("lan", "/cups", "cups"))
                lan.execute_script("history.pushState(null, '', '/cups/red'); dripViewed()")
                told("a view that is not loaded", ("lan", "/cups/red", "cups"))
                lan.switch_to.new_window("tab")
                lan.get(f"{site}/home")
                told("a tab of its own, which no mail opened")
            with browser() as minh:
                minh.get(project.links("minh")[1])
                assert minh.current_url == f"{site}/asks", minh.current_url
                told("a page that asks first")
                minh.execute_script("dripViewed()")
                told("once he agreed", ("minh", "/asks", "asks"))
            with browser(first=NO_FOLLOWING) as minh:
                minh.get(project.links("minh")[0])
                assert minh.current_url == f"{site}/tea?size=2#top", minh.current_url
                minh.get(f"{site}/cups")
                told("who does not want to be followed")
            with browser(agent=None) as machine:
                machine.get(project.links("scan")[0])
                assert machine.current_url == f"{site}/tea?size=2#top", machine.current_url
                told("a machine")
    print(f"{len(expected)} views of pages told by a browser; nothing of who came by no mail, did not agree, does not want it or is a machine")


if __name__ == "__main__":
    main()
