#!/usr/bin/env python3
"""Looks at the HTML report of a played project in a browser: on a telephone and a desk, by day and by night, in Vietnamese and English.

A small shop is played for ten weeks, with tests, complaints and purchases; `--project DIR --now TIME` takes another one besides, such
as the one that cdnow.py leaves. Every number that the page shows must be the one of `drip report --format json`. The page must fit its
window, be readable (contrast of WCAG 2.2 AA, 11 px at least), have its headings in order, a table behind each picture, a name and a
language, and ask the net for nothing. `--shots DIR` keeps pictures for people to look at.
"""

import argparse
import contextlib
import datetime as dt
import json
import pathlib
import random
import re
import sqlite3
import subprocess
import sys
import tempfile

from selenium import webdriver

sys.dont_write_bytecode = True

from contrast import CONTRAST  # noqa: E402

UTC = dt.timezone.utc
FIRST = dt.datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
DAYS, PEOPLE = 70, 900
HOSTILE = '<script>alert(1)</script> & "Trà"'
FILES = {
    "drip.yaml": "from: Trà Sen Vàng <hello@acme.example>\npostal_address: 12 Lý Thường Kiệt, Hà Nội\nlanguage: vi\n"
    "timezone: Asia/Ho_Chi_Minh\nfrequency_cap: none\npurchases: { event: purchased, amount: value, within: 5d, currency: VND }\n"
    "stages: { thử: 'true', mới: did(\"purchased\"), thân: count(\"purchased\") >= 2, vắng: days_since(\"purchased\") >= 20 }\n"
    "score: { half_life: 14d, points: [{ event: trial_started, points: 10 }, { event: purchased, points: 25 }] }\n"
    "segments: { nóng: score >= 20 }\n",
    "campaigns/nuoi-duong.yaml": """\
name: Nuôi dưỡng khách dùng thử
trigger: { event: trial_started }
goal: { event: purchased, within: 30d }
exit_when: contact.plan == "off"
holdout: 20%
steps:
  - { id: cảm-ơn, send: mail }
  - { id: câu-chuyện-khách-hàng, delay: 2d, send: mail }
  - { id: nhắc-nhở, delay: 3d, test: { ngắn: { send: mail }, dài-dòng: { send: mail } } }
  - { id: bao-nhieu, delay: 4d, send: mail }
  - { id: ưu-đãi-cuối, delay: 5d, send: mail }
""",
    "campaigns/win-back.yaml": f"""\
name: '{HOSTILE}'
trigger: {{ inactive: {{ event: purchased, for: 30d }} }}
steps:
  - {{ id: miss-you, send: mail }}
  - {{ id: discount, delay: 7d, send: mail }}
""",
    "campaigns/sap-toi.yaml": "name: Sắp tới\ntrigger: manual\nsteps:\n  - { id: mo-dau, send: mail }\n",
    "templates/mail.md": "---\nsubject: Xin chào\n---\n{{campaign.id}} {{step.id}}\n\n{{postal_address}} [Hủy đăng ký]({{unsubscribe_url}})\n",
}
# How often a mail of a step leads to a purchase, a click, an opt-out and a complaint.
ODDS = {
    "cảm-ơn": (0.05, 0.22, 0.004, 0.0),
    "câu-chuyện-khách-hàng": (0.06, 0.24, 0.006, 0.0),
    "nhắc-nhở": (0.04, 0.20, 0.010, 0.001),
    "bao-nhieu": (0.02, 0.04, 0.020, 0.014),
    "ưu-đãi-cuối": (0.03, 0.21, 0.012, 0.002),
    "miss-you": (0.02, 0.15, 0.02, 0.0),
    "discount": (0.03, 0.15, 0.02, 0.0),
}

LOOK = CONTRAST + r"""
for (const details of document.querySelectorAll("details")) details.open = true;
const faults = [], seen = new Set();
const say = (fault) => { if (!seen.has(fault)) { seen.add(fault); faults.push(fault); } };
if (document.documentElement.scrollWidth > innerWidth) say(`is ${document.documentElement.scrollWidth} px wide`);
for (const element of document.querySelectorAll("main *")) {
  const box = element.getBoundingClientRect();
  if (box.width > 0 && getComputedStyle(element).position !== "absolute" && !element.closest("thead") && (box.right > innerWidth + 0.5 || box.left < -0.5))
    say(`lets ${element.tagName.toLowerCase()} "${element.textContent.slice(0, 30)}" stick out`);
}
if (!document.title.trim() || !document.documentElement.lang) say("has no title or no language");
if (document.querySelectorAll("h1").length !== 1 || !document.querySelector("main")) say("has no heading or no main part");
if (document.scripts.length) say("has scripts");
let rank = 0;
for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
  const own = Number(heading.tagName[1]);
  if (own > rank + 1) say(`leaps to <h${own}> at "${heading.textContent}"`);
  rank = own;
}
for (const picture of document.querySelectorAll("[role=img]")) {
  if (!(picture.getAttribute("aria-label") || "").trim()) say("has a picture without words");
  if (!picture.parentElement.querySelector("table")) say("has a picture without a table");
}
for (const svg of document.querySelectorAll("svg")) if (!svg.closest("[role=img]")) say("has a picture that is none");
for (const fill of document.querySelectorAll(".fill")) {
  const ratio = contrast(parse(getComputedStyle(fill).fill), ground(fill.closest("div")));
  if (ratio < 3) say(`draws with a contrast of ${ratio.toFixed(1)}`);
}
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const text = walk.currentNode.textContent.trim(), element = walk.currentNode.parentElement;
  if (!text || !element.checkVisibility()) continue;
  const style = getComputedStyle(element), ratio = contrast(parse(style.color), ground(element));
  if (ratio < 4.5) say(`shows "${text.slice(0, 30)}" with a contrast of ${ratio.toFixed(1)}`);
  if (parseFloat(style.fontSize) < 11) say(`shows "${text.slice(0, 30)}" in ${style.fontSize}`);
}
return faults;
"""
# One fault of each kind, so that a check that has gone blind is noticed.
FAULTY = """<!DOCTYPE html><html><head></head><body style="background: #fff"><h1>a</h1><h3>b</h3><main>
<p style="color: #aaa">pale</p><p style="font-size: 9px; color: #000">small</p><div style="width: 2000px; color: #000">wide</div>
<div role="img"></div><svg></svg><div><svg><rect class="fill" style="fill: #eee"></rect></svg></div><script></script></main></body></html>"""
EXPECTED = ("px wide", "stick out", "no title", "leaps", "without words", "without a table", "that is none", "draws with", "shows \"pale", "in 9px", "scripts")

# Tables, figures and pictures of each campaign, as text.
READ = r"""
const text = (element) => element.textContent.replace(/\s+/g, " ").trim();
const table = (element) => [...element.querySelectorAll("tbody tr")].map((row) => [...row.children].map(text));
const part = (section) => ({
  title: text(section.querySelector("h2, h3")), lead: [...section.querySelectorAll(":scope > .lead")].map(text),
  bars: [...section.querySelectorAll(":scope > .bars .bar")].map((bar) => [text(bar.querySelector(".name")), text(bar.querySelector(".value")),
    Number(bar.querySelector(".fill").getAttribute("width"))]),
  columns: [...section.querySelectorAll(":scope > .columns rect")].map((rect) => Number(rect.getAttribute("height"))),
  pairs: [...section.querySelectorAll("details table.pairs")].map(table)[0] || null,
  table: [...section.querySelectorAll("table:not(.pairs)")].map(table)[0] || null,
  list: [...section.querySelectorAll("ul.reasons li")].map(text),
});
return {
  overview: [...document.querySelectorAll("main > section:not(.campaign) > table")].map(table)[0] || [],
  standing: [...document.querySelectorAll("main > section.part")].map(part),
  campaigns: [...document.querySelectorAll("section.campaign")].map((section) => ({
    id: section.querySelector("code") ? text(section.querySelector("code")) : text(section.querySelector("h2")),
    figures: [...section.querySelectorAll("dl.figures div")].map((div) => text(div.querySelector("dd"))),
    parts: [...section.querySelectorAll(":scope > section.part")].map(part),
  })),
};
"""


def stamp(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Shop:
    """A shop that is played with dice."""

    def __init__(self, drip, root):
        self.drip_path, self.root, self.dice = drip, root, random.Random(20260105)
        for name, text in FILES.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        rows = [f"c{n:04}@example.com,Lan {n}" for n in range(PEOPLE)]
        (root / "people.csv").write_text("email,first_name\n" + "\n".join(rows) + "\n", encoding="utf-8")
        self.now = FIRST
        self.drip("import", "people.csv")
        begins = [(FIRST + dt.timedelta(minutes=self.dice.randrange((DAYS - 3) * 1440)), f"c{n:04}@example.com") for n in range(PEOPLE)]
        self.track([{"email": who, "event": "trial_started", "time": stamp(at)} for at, who in begins])

    def drip(self, *words):
        command = [self.drip_path, "-C", self.root, "-q", "--now", stamp(self.now), *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.root, check=False)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def track(self, events):
        if events:
            lines = [json.dumps(event, ensure_ascii=False) for event in events]
            (self.root / "events.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
            self.drip("import", "events.jsonl")

    def play(self):
        for _ in range(DAYS):
            self.now += dt.timedelta(days=1)
            self.drip("run")
            self.react()

    def react(self):
        """What comes of the mails of today: purchases later, the rest as `drip serve` and `drip inbound` note it."""
        store = sqlite3.connect(self.root / "drip.db")
        with contextlib.closing(store), store:
            rows = store.execute("SELECT s.id, s.step, s.variant, c.email, c.id FROM sends s JOIN enrolments n ON n.id = s.enrolment_id JOIN contacts c "
                                 "ON c.id = n.contact_id WHERE s.at = ? AND s.state = 2", [int(self.now.timestamp() * 1000)]).fetchall()
            bought = []
            for send, step, variant, email, contact in rows:
                buys, clicks, leaves, complains = ODDS[step]
                if self.dice.random() < buys * (2 if variant == "ngắn" else 1):
                    at = self.now + dt.timedelta(minutes=10 + int(self.dice.expovariate(1 / 2000)))
                    bought.append({"email": email, "event": "purchased", "time": stamp(at), "value": self.dice.randrange(9, 250) * 10_000})
                for what, chance in (("clicked", clicks), ("unsubscribed", leaves), ("complained", complains)):
                    if self.dice.random() < chance:
                        store.execute("INSERT OR IGNORE INTO reactions VALUES (?, ?)", [send, what])
                if self.dice.random() < leaves:
                    store.execute("UPDATE contacts SET consent = 'unsubscribed', changed = 1 WHERE id = ?", [contact])
            # Some buy without a mail.
            for email, in store.execute("SELECT email FROM v_enrolments WHERE held_out = 1").fetchall():
                if self.dice.random() < 0.003:
                    bought.append({"email": email, "event": "purchased", "time": stamp(self.now + dt.timedelta(hours=1)), "value": 150_000})
        self.track(bought)


class Numbers:
    """Reads numbers as a language writes them, and compares them with exact ones to the digits that are shown."""

    def __init__(self, language):
        self.group, self.point = (".", ",") if language == "vi" else (",", ".")

    def read(self, text):
        """All numbers of a text, each with what its last digit is worth."""
        found = []
        for match in re.finditer(r"-?\d[\d.,]*", text):
            digits = match.group().rstrip(".,").replace(self.group, "").replace(self.point, ".")
            places = len(digits.partition(".")[2])
            found.append((float(digits), 10.0 ** -places))
        return found

    def is_that(self, text, wanted):
        """Whether a text shows exactly these numbers; a share is given as such and shown in per cent."""
        found = self.read(text)
        if len(found) != len(wanted):
            return False
        for (number, unit), value in zip(found, wanted):
            if isinstance(value, Share):
                value, slack = float(value) * 100, 0.005 + unit / 2
                if (text.find("<0") >= 0 or text.find(">99") >= 0) and abs(number - value) <= 1:
                    continue
            else:
                value, slack = float(value), unit / 2
            if abs(number - value) > slack + 1e-9:
                return False
        return True


class Share(float):
    """A fraction of 1."""


def share(part, whole):
    return [Share(part / whole)] if whole else []


class Checked:
    """The numbers of a page beside those of the JSON report."""

    def __init__(self, report, standing, page, language):
        self.standing = standing
        self.numbers, self.page, self.faults, self.checked, self.language = Numbers(language), page, [], 0, language
        self.campaigns = report["campaigns"]

    def cell(self, where, text, wanted):
        self.checked += 1
        wanted = [] if wanted is None or wanted == [None] else wanted if isinstance(wanted, list) else [wanted]
        if not self.numbers.is_that(text, wanted):
            self.faults.append(f"{where}: shows {text!r}, JSON has {wanted}")

    def rows(self, where, rows, wanted):
        if len(rows or []) != len(wanted):
            self.faults.append(f"{where}: {len(rows or [])} rows, not {len(wanted)}")
            return
        for row, (name, *cells) in zip(rows, wanted):
            if row[0] != name:
                self.faults.append(f"{where}: a row of {row[0]!r}, not {name!r}")
            if len(row) - 1 != len(cells):
                self.faults.append(f"{where}: {len(row)} cells")
            for text, cell in zip(row[1:], cells):
                self.cell(f"{where}, {name}", text, cell)

    def all(self):
        # What the overview and the figures say.
        if len(self.campaigns) > 1:
            has_revenue = any(float(one["revenue"]["amount"]) for one in self.campaigns)
            self.rows("overview", self.page["overview"], [
                [one["name"] or one["campaign"], one["enrolled"], reached(one), span(one["goal_time"])]
                + ([one["revenue"]["purchases"] and float(one["revenue"]["amount"]) or None] if has_revenue else []) for one in self.campaigns])
        for campaign, section in zip(self.campaigns, self.page["campaigns"], strict=True):
            if campaign["campaign"] != section["id"]:
                self.faults.append(f"a section of {section['id']!r}, not {campaign['campaign']!r}")
            if campaign["enrolled"]:
                self.campaign(campaign, section)
        stages, scores = self.standing
        if len(self.page["standing"]) != 3:
            self.faults.append(f"{len(self.page['standing'])} parts on where contacts stand, not 3")
            return self.faults
        self.stages(stages, *self.page["standing"][:2])
        self.scores(scores, self.page["standing"][2])
        return self.faults

    def stages(self, stages, part, moved):
        people = stages["contacts"]
        wanted = []
        for row in stages["stages"]:
            hours = row["median_stay_h"]
            stay = [] if hours is None else hours if hours < 48 else hours // 24
            wanted.append([row["stage"], row["contacts"], share(row["contacts"], people), row["subscribed"], row["entered"], row["left"], stay])
        none = "(không có)" if self.language == "vi" else "(none)"
        named = [(row["stage"], row["contacts"]) for row in stages["stages"]]
        if stages["in_no_stage"]:
            named.append((none, stages["in_no_stage"]))
            wanted.append([none, stages["in_no_stage"], share(stages["in_no_stage"], people), *[[]] * 4])
        self.rows("stages", part["table"], wanted)
        self.bars("stages", part, [(name, [number], number / people) for name, number in named])
        moves = [[row["from"] or none, row["to"] or none, row["contacts"]] for row in stages["moves"]]
        self.rows("moves", [[f"{row[0]} → {row[1]}", row[2]] for row in moved["table"] or []], [[f"{one} → {other}", number] for one, other, number in moves])

    def scores(self, scores, part):
        people, to = scores["contacts"], "đến" if self.language == "vi" else "to"
        named = [(f"{row['from']} {to} {row['to']}" if row["from"] != row["to"] else str(row["from"]), row["contacts"]) for row in reversed(scores["bands"])]
        self.rows("scores", part["table"], [[name, number, share(number, people)] for name, number in named])
        self.bars("scores", part, [(name, [number], number / people) for name, number in named])
        self.rows("thresholds", [["", line] for line in part["lead"]], [["", [row["points"], row["contacts"]]] for row in scores["thresholds"]])

    def campaign(self, campaign, section):
        name, parts = campaign["campaign"], list(section["parts"])
        steps = campaign["steps"]
        sent = sum(step["sent"] for step in steps if step["kind"] in ("send", "test"))
        figures = [campaign["enrolled"], *([reached(campaign)] if has_goal(campaign) else [])]
        figures += [span(campaign["goal_time"])] if campaign["goal_time"] else []
        figures += [float(campaign["revenue"]["amount"])] if float(campaign["revenue"]["amount"]) else []
        figures += [sent, campaign["active"], campaign["exited"]]
        self.rows(f"{name} figures", [["", figure] for figure in section["figures"]], [["", figure] for figure in figures])

        part = parts.pop(0)
        mails = [step for step in steps if step["kind"] in ("send", "test") and not step["gone"]]
        wanted = []
        for before, step in zip([None, *mails], mails):
            fewer = [Share(step["drop_off"])] if (step["drop_off"] or 0) > 0 else []
            wanted.append([step["step"], step["sent"], share(step["sent"], campaign["enrolled"]), fewer, before and before["goal"], step["waiting"]])
        self.rows(f"{name} losses", part["table"], wanted)
        self.bars(f"{name} losses", part, [(step["step"], [step["sent"], *share(step["sent"], campaign["enrolled"])],
                                            step["sent"] / campaign["enrolled"]) for step in mails])

        part, times = parts.pop(0) if has_goal(campaign) else None, campaign["times"]
        if times["days"]:
            self.cell(f"{name} times", part["lead"][0], [100, Share(times["reached"]), sum(day["reached"] is not None for day in times["days"]),
                                                         times["half_by_day"], times["most_by_day"]])
            due = {step["step"]: step["day"] for step in steps}
            before_any = "(trước mọi thư)" if self.language == "vi" else "(before any mail)"
            self.rows(f"{name} times", part["table"], [
                [row["step"] or before_any, due.get(row["step"]), row["goals"], Share(row["adds"]), Share(row["came_before"])] for row in times["after"]])
            self.columns(name, part, times["days"])

        weeks = campaign["cohorts"][-26:]
        wanted = []
        for week in weeks:
            day = dt.date.fromisoformat(week["week"])
            first = day.strftime("%d/%m/%Y") if self.language == "vi" else day.isoformat()
            goals = [week[f"goal_{n}w"] for n in (1, 2, 4, 8)] + [week["goal"]]
            wanted.append([first, week["entered"], *([] if goal is None else [goal, *share(goal, week["entered"])] for goal in goals)])
        if has_goal(campaign):
            self.rows(f"{name} cohorts", parts.pop(0)["table"], wanted)

        if campaign["holdout"]:
            self.holdout(name, parts.pop(0), campaign["holdout"])

        for step in steps:
            if any(variant["sent"] for variant in step["variants"]):
                self.contents(name, parts.pop(0), step)

        part, mails = parts.pop(0), campaign["mails"]
        self.rows(f"{name} mails", part["table"], [
            [row["step"], row["sent"], row["rate"] is not None and [Share(row["rate"])] or [],
             [row["unsubscribed"], Share(row["unsubscribed_rate"])], [row["complained"], Share(row["complained_rate"])], Share(row["complained_high"]),
             [Share(row["limit"])] if "above" in row["complaints"] else []] for row in mails])

        part = parts.pop(0)
        if campaign["revenue"]["purchases"]:
            self.cell(f"{name} revenue", part["lead"][0], [float(campaign["revenue"]["amount"]), campaign["revenue"]["purchases"]])
            if lift := campaign["holdout"] and campaign["holdout"]["lift_of_revenue"]:
                each = [campaign["holdout"][group]["bought_each"] for group in ("mailed", "held_out")]
                self.cell(f"{name} lift of revenue", part["lead"][1], [*map(float, each), *directed(lift)])
            wanted = []
            for step in steps:
                if step["kind"] in ("send", "test") and step["sent"] or step["revenue"]["purchases"]:
                    wanted.append([step["step"], *money(step)])
                    wanted += [[f"{step['step']} · {variant['variant']}", *money(variant)] for variant in step["variants"]]
            self.rows(f"{name} revenue", part["table"], wanted)

        rest = {part["title"]: part["list"] for part in parts}
        exits = [[row["count"]] for row in campaign["exits"]]
        left = rest.get("Lý do rời đi" if self.language == "vi" else "Why people left", [])
        self.rows(f"{name} exits", [["", line.split(" ")[0]] for line in left], [["", row] for row in exits])

    def holdout(self, name, part, holdout):
        groups, money = [holdout["mailed"], holdout["held_out"]], lambda text: [float(text)]
        names = ("được gửi", "giữ lại") if self.language == "vi" else ("mailed", "held out")
        is_told = any(float(group["bought"]["amount"]) for group in groups)
        self.rows(f"{name} hold-out", part["table"], [
            [called, group["entered"], group["goal"], Share(group["goal_rate"]), list(map(Share, group["goal_rate_between"])),
             *([group["bought"]["purchases"], money(group["bought"]["amount"]), money(group["bought_each"])] if is_told else [])]
            for called, group in zip(names, groups)])
        most = max(group["goal_rate_between"][1] for group in groups)
        self.bars(f"{name} hold-out", part, [(called, [Share(group["goal_rate"])], group["goal_rate"] / most) for called, group in zip(names, groups)])
        self.cell(f"{name} lift", part["lead"][0], list(map(Share, directed(holdout["lift"]))))

    def contents(self, name, part, step):
        wanted = []
        for variant in step["variants"]:
            low, high = variant["goal_rate_between"]
            best = step["verdict"]["best"][variant["variant"]] if step["verdict"] else None
            cells = [variant["sent"], variant["goal"], share(variant["goal"], variant["sent"]), [Share(low), Share(high)]]
            wanted.append([variant["variant"], *cells, [] if best is None else [Share(best)]])
        if step["verdict"]:
            self.rows(f"{name} test", part["table"], wanted)
            verdict = step["verdict"]
            said = part["lead"][0].replace(verdict["leader"], "")
            self.cell(f"{name} test", said, [Share(verdict["difference"]), *map(Share, verdict["between"])])

    def bars(self, where, part, wanted):
        if len(part["bars"]) != len(wanted):
            self.faults.append(f"{where}: {len(part['bars'])} bars")
        for (name, value, width), (of, numbers, length) in zip(part["bars"], wanted):
            if name != of or abs(width - 1000 * length) > 3:
                self.faults.append(f"{where}: a bar of {name!r} {width} long, not of {of!r} {1000 * length}")
            self.cell(f"{where}, bar of {name}", value, numbers)

    def columns(self, name, part, days):
        together = next(days_each for days_each in (1, 2, 7, 14, 28, 91, 365) if -(-len(days) // days_each) <= 24)
        sums = [sum(day["goals"] for day in days[at:at + together]) for at in range(0, len(days), together)]
        self.rows(f"{name} days", [["", row[1]] for row in part["pairs"]], [["", number] for number in sums])
        heights = [round(100 * number / max(sums)) for number in sums]
        if len(heights) != len(part["columns"]) or any(abs(one - other) > 1 for one, other in zip(heights, part["columns"])):
            self.faults.append(f"{name} days: columns of {part['columns']}, not {heights}")


def directed(lift):
    """A difference and its bounds, as words for more and less tell them."""
    by = float(lift["difference"])
    if lift["between"] is None:
        return [abs(by)]
    low, high = map(float, lift["between"])
    return [by, low, high] if by >= 0 else [-by, -high, -low]


def has_goal(campaign):
    return campaign["has_goal"] or campaign["goal"]


def reached(campaign):
    return [campaign["goal"], *share(campaign["goal"], campaign["enrolled"])] if has_goal(campaign) and campaign["enrolled"] else []


def money(row):
    amount = float(row["revenue"]["amount"])
    return [row["sent"], row["revenue"]["purchases"], amount, [Cents(amount / row["sent"])] if row["sent"] else []]


class Cents(float):
    """An amount for each mail, to the hundredth."""


def span(times):
    """The median as a page shows it: minutes, hours or days."""
    if not times:
        return []
    seconds = times["median_s"]
    if seconds < 3600:
        return [seconds // 60]
    return [seconds / 3600 if seconds < 172_800 else seconds / 86_400]


class Browser:
    def __init__(self, shots):
        options = webdriver.ChromeOptions()
        for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"):
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.browser, self.shots = webdriver.Chrome(options=options), shots

    def open(self, path, scheme, width):
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.browser.get(path.resolve().as_uri())

    def look(self):
        return self.browser.execute_script(LOOK)

    def noise(self, path):
        """What stands in the console, and whatever was asked for beside the page itself."""
        said = [f"says {entry['message']}" for entry in self.browser.get_log("browser") if "favicon" not in entry["message"]]
        for entry in self.browser.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                if url != path.resolve().as_uri() and not url.startswith(("data:", "chrome")):
                    said.append(f"asks for {url}")
        return said

    def shoot(self, name):
        if self.shots:
            self.shots.mkdir(parents=True, exist_ok=True)
            height = self.browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = false; return document.documentElement.scrollHeight")
            width = self.browser.execute_script("return innerWidth")
            metrics = {"width": width, "height": min(height, 12_000), "deviceScaleFactor": 1, "mobile": width < 600}
            self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
            self.browser.save_screenshot(str(self.shots / f"{name}.png"))


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--drip", required=True, type=pathlib.Path)
    options.add_argument("--project", type=pathlib.Path, help="another project that was played")
    options.add_argument("--now", help="until when")
    options.add_argument("--only", action="store_true", help="that project alone")
    options.add_argument("--shots", type=pathlib.Path, help="a folder for pictures")
    options = options.parse_args()
    drip = options.drip.resolve()
    wrong, looked, checked = 0, 0, 0

    def say(fault):
        nonlocal wrong
        wrong += 1
        print(fault)

    with tempfile.TemporaryDirectory() as folder:
        scratch, projects = pathlib.Path(folder), []
        if not options.only:
            shop = Shop(drip, scratch / "shop")
            shop.play()
            projects.append(("shop", shop.root, stamp(shop.now)))
        if options.project and options.project.is_dir():
            projects.append(("other", options.project, options.now))
        browser = Browser(options.shots)
        try:
            faulty = scratch / "faulty.html"
            faulty.write_text(FAULTY, encoding="utf-8")
            browser.open(faulty, "light", 375)
            faults = browser.look()
            blind = [kind for kind in EXPECTED if not any(kind in fault for fault in faults)]
            assert not blind, f"the check no longer sees: {blind}, only {faults}"
            browser.noise(faulty)
            for name, root, now in projects:
                def call(*words, root=root, now=now):
                    command = [drip, "-C", root, "-q", "--now", now, "report", *words]
                    return subprocess.run(command, capture_output=True, text=True, check=True).stdout

                report = json.loads(call("--format", "json"))
                standing = [json.loads(call(what, "--json")) for what in ("stages", "scores")]
                for language in ("vi", "en"):
                    page = scratch / f"{name}-{language}.html"
                    call("--html", str(page), "--language", language)
                    for scheme in ("light", "dark"):
                        for width in (375, 1280):
                            browser.open(page, scheme, width)
                            where = f"{name}, {language}, {scheme}, {width} px"
                            for fault in browser.look() + browser.noise(page):
                                say(f"{where}: {fault}")
                            looked += 1
                            browser.shoot(f"{name}-{language}-{width}-{scheme}")
                    browser.open(page, "light", 1280)
                    browser.noise(page)
                    found = Checked(report, standing, browser.browser.execute_script(READ), language)
                    for fault in found.all():
                        say(f"{name}, {language}: {fault}")
                    checked += found.checked
        finally:
            browser.browser.quit()
    assert checked >= 200, f"only {checked} numbers were found"
    print(f"{looked} pages looked at, {checked} numbers compared with JSON: {wrong} faults")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
