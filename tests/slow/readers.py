#!/usr/bin/env python3
"""Goes the ways of readers in a browser: leaves, chooses, confirms, on the pages to which the links of real mails lead.

A scanner comes first, as it does in life: it fetches every link, in a browser as well, and nothing may change by that. Then people press
buttons, with the mouse and with keys alone, and the next run must send nothing to who has left, nothing of what was dropped, and
everything else. The pages are looked at on a telephone, by day and by night. `--shots DIR` keeps pictures of them.
"""

import argparse
import contextlib
import email
import email.policy
import html
import json
import pathlib
import re
import sqlite3
import subprocess
import sys
import tempfile
import time

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.ui import WebDriverWait

sys.dont_write_bytecode = True

from contrast import CONTRAST  # noqa: E402
from ports import free_port  # noqa: E402
from served import served  # noqa: E402

MONDAY, TUESDAY = "2026-03-02T02:00:00Z", "2026-03-03T02:00:00Z"
PEOPLE = {
    "lan@example.com": ("vi", "subscribed"),  # leaves by the page
    "minh@example.com": ("vi", "subscribed"),  # drops a topic
    "anna@example.com": ("en", "subscribed"),  # leaves by her mail program
    "otto@example.com": ("en", "subscribed"),  # pauses
    "hoa@example.com": ("vi", "pending"),  # confirms
    "scan@example.com": ("en", "subscribed"),  # whose links only scanners follow
    "late@example.com": ("en", "pending"),  # whose question only a scanner opens
}
FOOTER = "\n[Leave]({{unsubscribe_url}}) [Choose]({{preferences_url}}) {{postal_address}}\n"

# What a page must be for everyone: fits, can be read, and every button and box can be hit and has a name.
LOOK = CONTRAST + r"""
const faults = [];
if (document.documentElement.scrollWidth > innerWidth) faults.push(`is ${document.documentElement.scrollWidth} px wide`);
if (!document.title.trim() || !document.documentElement.lang) faults.push("has no title or no language");
if (document.querySelectorAll("h1").length !== 1 || !document.querySelector("main")) faults.push("has no heading or no main part");
if (document.scripts.length) faults.push("has scripts");
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const text = walk.currentNode.textContent.trim(), element = walk.currentNode.parentElement;
  if (!text) continue;
  const style = getComputedStyle(element);
  const found = contrast(parse(style.color), ground(element));
  if (found < 4.5) faults.push(`shows "${text}" with a contrast of ${found.toFixed(1)}`);
  if (parseFloat(style.fontSize) < 16) faults.push(`shows "${text}" in ${style.fontSize}`);
}
for (const button of document.querySelectorAll("button, label"))
  if (button.getBoundingClientRect().height < 40) faults.push(`has "${button.textContent}" ${button.getBoundingClientRect().height} px high`);
for (const box of document.querySelectorAll("input:not([type=hidden])"))
  if (!box.labels.length || !box.labels[0].textContent.trim()) faults.push("has a box without a name");
return faults;
"""


class Project:
    """A project with two topics and a question, whose mails lie in an outbox, and whose server answers."""

    def __init__(self, drip, root, port):
        self.drip_path, self.root, self.port = drip, root, port
        (root / "campaigns").mkdir()
        (root / "templates").mkdir()
        (root / "drip.yaml").write_text(
            "from: Trà Sen <hello@acme.example>\npostal_address: 12 Lý Thường Kiệt, Hà Nội\nfrequency_cap: none\n"
            f"public_url: http://127.0.0.1:{port}\nlisten: 127.0.0.1:{port}\ntracking: {{ clicks: true, opens: true }}\n"
            "topics:\n  tips: { vi: Mẹo pha trà, en: Tea tips }\n  offers: { vi: Ưu đãi, en: Offers & sales }\n")
        for name in ("tips", "offers"):
            (root / f"campaigns/{name}.yaml").write_text(
                f"trigger: {{ segment: contact.kind == 'reader' }}\ntopic: {name}\nsteps:\n"
                f"  - {{ id: first, send: {name} }}\n  - {{ id: second, delay: 1d, send: {name} }}\n")
            (root / f"templates/{name}.md").write_text(f"---\nsubject: {name}\n---\n[Shop](https://shop.example/{name})\n{FOOTER}")
        (root / "campaigns/confirm.yaml").write_text("trigger: pending\nsteps:\n  - { id: ask, send: ask }\n")
        (root / "templates/ask.md").write_text(f"---\nsubject: ask\n---\n[Yes]({{{{confirm_url}}}})\n{FOOTER}")
        rows = "".join(f"{who},{language},{consent},reader\n" for who, (language, consent) in PEOPLE.items())
        (root / "people.csv").write_text("email,language,consent,kind\n" + rows)
        self.drip("import", "people.csv")

    def drip(self, *words):
        done = subprocess.run([self.drip_path, "-C", self.root, *words], capture_output=True, text=True, cwd=self.root, check=False)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def served(self):
        return served([self.drip_path, "-C", self.root, "serve"], self.port)

    def mails(self):
        """The mails in the outbox, by whom they are to and what they are about."""
        found = {}
        for path in (self.root / "outbox").glob("*/*"):
            mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            found.setdefault((mail["to"].addresses[0].addr_spec, mail["subject"]), []).append(mail)
        return found

    def links(self, who, subject, kind):
        page = self.mails()[who, subject][0].get_body(("html",)).get_content()
        return [html.unescape(link) for link in re.findall(rf'(?:href|src)="(http://127\.0\.0\.1:{self.port}/{kind}/[^"]+)"', page)]

    def rows(self, query):
        with contextlib.closing(sqlite3.connect(f"file:{self.root}/drip.db?mode=ro", uri=True)) as store:
            return store.execute(query).fetchall()

    def state(self):
        """Everything that a scanner must leave alone: people, the history of their consent, passages and the ledger."""
        tables = ("contacts", "consent_changes", "suppressions", "enrolments", "sends")
        return {table: self.rows(f"SELECT * FROM {table}") for table in tables}


def curl(*words):
    """Returns the status, what a redirect would lead to, and the body of an answer."""
    done = subprocess.run(["curl", "-sS", "-w", "\n%{http_code} %{redirect_url}", *words], capture_output=True, text=True, check=True)
    body, _, last = done.stdout.rpartition("\n")
    status, _, redirect = last.partition(" ")
    return int(status), redirect, body


class Reader:
    def __init__(self, shots):
        self.shots, self.faults, self.looked_at = shots, [], 0
        options = webdriver.ChromeOptions()
        for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=375,800"):
            options.add_argument(word)
        self.browser = webdriver.Chrome(options=options)

    def open(self, url, name):
        self.browser.get(url)
        self.look(name)

    def look(self, name):
        for scheme in ("light", "dark"):
            self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
            self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 375, "height": 800, "deviceScaleFactor": 1, "mobile": True})
            self.faults += [f"{name} ({scheme}) {fault}" for fault in self.browser.execute_script(LOOK)]
            self.looked_at += 1
            if self.shots:
                self.browser.save_screenshot(str(self.shots / f"{name}-{scheme}.png"))

    @contextlib.contextmanager
    def leading_on(self):
        """What is done inside leads to another page, which is waited for."""
        page = self.browser.find_element(By.TAG_NAME, "html")
        yield
        WebDriverWait(self.browser, 20).until(expected_conditions.staleness_of(page))

    def press(self, text):
        """Presses a button by its name."""
        [button] = [one for one in self.browser.find_elements(By.TAG_NAME, "button") if one.text == text]
        with self.leading_on():
            button.click()

    def by_keys(self, *keys):
        """Types into the page, as who has no mouse does; the last key leads on."""
        with self.leading_on():
            for key in keys:
                self.browser.switch_to.active_element.send_keys(key)

    def tick(self, label):
        [one] = [one for one in self.browser.find_elements(By.TAG_NAME, "label") if one.text == label]
        one.click()

    def ticked(self):
        boxes = self.browser.find_elements(By.CSS_SELECTOR, "input[type=checkbox]")
        return [box.find_element(By.XPATH, "..").text for box in boxes if box.is_selected()]


def scan(project, reader):
    """Fetches every link of every mail, as gateways do, and opens each page as those do that run a browser."""
    before, fetched = project.state(), 0
    for who, subject in project.mails():
        kinds = ("u", "p", "y") if subject == "ask" else ("u", "p")
        for kind in kinds:
            [link] = project.links(who, subject, kind)
            for words in ([], ["-I"], ["-H", "Purpose: prefetch"], ["-A", "Mozilla/5.0 (compatible; Barracuda)"]):
                status, redirect, _ = curl(*words, link)
                assert (status, redirect) == (200, ""), f"{words} {link}: {status} {redirect}"
                fetched += 1
            reader.browser.get(link)
            time.sleep(0.05)
        for link in project.links(who, subject, "c"):
            status, redirect, _ = curl("-A", "Mozilla/5.0 (compatible; Barracuda)", link)
            assert status == 302 and redirect.startswith("https://shop.example/"), f"{link}: {status} {redirect}"
    assert project.state() == before, "a scanner changed something"
    assert project.rows("SELECT count(*) FROM events WHERE name IN ('clicked', 'opened')") == [(0,)], "a scanner was taken for a person"
    return fetched


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--drip", required=True, type=pathlib.Path)
    arguments.add_argument("--shots", type=pathlib.Path)
    given = arguments.parse_args()
    port = free_port()
    if given.shots:
        given.shots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        project = Project(given.drip.resolve(), pathlib.Path(folder), port)
        project.drip("--now", MONDAY, "run")
        assert len(project.mails()) == 2 * 5 + 2, sorted(project.mails())
        reader = Reader(given.shots)
        with contextlib.closing(reader.browser) as browser, project.served():
            fetched = scan(project, reader)

            # Lan leaves by the page of a mail.
            reader.open(project.links("lan@example.com", "tips", "u")[0], "leave")
            assert "Trà Sen" in browser.find_element(By.TAG_NAME, "main").text
            reader.press("Hủy đăng ký")
            reader.look("left")
            assert browser.title == "Đã hủy đăng ký", browser.title

            # Anna's mail program does it for her (RFC 8058): no cookies, no redirect, as often as it likes; both forms of a body.
            header = str(project.mails()["anna@example.com", "offers"][0]["list-unsubscribe"])
            link = re.search(r"<(http[^>]+)>", header).group(1)
            for body in (["-d", "List-Unsubscribe=One-Click"], ["-F", "List-Unsubscribe=One-Click"]):
                status, redirect, _ = curl(*body, link)
                assert (status, redirect) == (200, ""), f"{status} {redirect}"

            # Minh drops the offers, by keys alone, and finds it so when he comes again.
            page = project.links("minh@example.com", "tips", "p")[0]
            reader.open(page, "choose")
            assert reader.ticked() == ["Mẹo pha trà", "Ưu đãi"], reader.ticked()
            browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
            reader.by_keys(Keys.TAB, Keys.SPACE, Keys.TAB, Keys.TAB, Keys.ENTER)
            reader.look("chosen")
            assert browser.find_element(By.CSS_SELECTOR, "[role=status]").text == "Đã lưu."
            browser.get(page)
            assert reader.ticked() == ["Mẹo pha trà"], reader.ticked()

            # Otto finds the page on the way out, and pauses instead.
            browser.get(project.links("otto@example.com", "tips", "u")[0])
            with reader.leading_on():
                browser.find_element(By.LINK_TEXT, "Or choose what you get").click()
            reader.tick("No mail for 30 days")
            reader.press("Save")
            assert any(label.startswith("No mail until") for label in reader.ticked()), reader.ticked()

            # Hoa says yes.
            reader.open(project.links("hoa@example.com", "ask", "y")[0], "confirm")
            reader.press("Có, tôi muốn nhận")
            reader.look("confirmed")
            assert browser.title == "Cảm ơn bạn", browser.title

            reader.open(project.links("scan@example.com", "tips", "u")[0] + "x", "wrong")

        consents = dict(project.rows("SELECT email, consent FROM contacts"))
        expected = {who: consent for who, (_, consent) in PEOPLE.items()}
        expected |= {"lan@example.com": "unsubscribed", "anna@example.com": "unsubscribed", "hoa@example.com": "subscribed"}
        assert consents == expected, consents
        project.drip("--now", TUESDAY, "run")
        got = {who: sum(len(mails) for (to, subject), mails in project.mails().items() if to == who and subject != "ask") for who in PEOPLE}
        # Hoa's passages began on Monday, and her first mails waited for her.
        wanted = {"lan@example.com": 2, "minh@example.com": 3, "anna@example.com": 2, "otto@example.com": 2, "hoa@example.com": 2,
                  "scan@example.com": 4, "late@example.com": 0}
        assert got == wanted, json.dumps(got)
    for fault in reader.faults:
        print(fault)
    if reader.faults:
        sys.exit(1)
    print(f"{len(PEOPLE)} readers: {fetched} fetches by scanners changed nothing; left, chose, paused and confirmed in a browser; "
          f"{reader.looked_at} looks at pages: 0 faults")


if __name__ == "__main__":
    main()
