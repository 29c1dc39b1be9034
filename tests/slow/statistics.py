#!/usr/bin/env python3
"""What drip says of a test of contents, beside SciPy and statsmodels: intervals, differences, the chance of being the best, sizes.

People are mailed one of several contents by a real run, and reach the goal as they like; the numbers of the report must be
those that the other programs make of the same counts, to four digits.
"""

import argparse
import contextlib
import csv
import json
import pathlib
import random
import sqlite3
import subprocess
import tempfile

from scipy import integrate
from scipy.stats import beta
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint, samplesize_proportions_2indep_onetail

DIGITS = 5e-5 + 1e-9
MONDAY, FRIDAY = "2026-03-02T02:00:00Z", "2026-03-06T02:00:00Z"
TESTS = {
    "even": {"a": 0.2, "b": 0.2},
    "apart": {"a": 0.1, "b": 0.35},
    "rare": {"a": 0.0, "b": 0.02},
    "many": {"a": 0.3, "b": 0.5, "c": 0.45, "d": 0.05},
}
PEOPLE = 400


class Project:
    def __init__(self, drip, root):
        self.command, self.root = [drip, "-C", root], root
        (root / "campaigns").mkdir()
        (root / "templates").mkdir()
        (root / "drip.yaml").write_text("from: Trà Sen <hello@acme.example>\npostal_address: 12 Lý Thường Kiệt, Hà Nội\nfrequency_cap: none\n")
        (root / "templates/mail.md").write_text("---\nsubject: tea\n---\n{{unsubscribe_url}} {{postal_address}}\n")
        for name, rates in TESTS.items():
            contents = ", ".join(f"{one}: {{ send: mail }}" for one in rates)
            (root / f"campaigns/{name}.yaml").write_text(
                f"trigger: {{ segment: contact.test == '{name}' }}\ngoal: {{ event: purchased, within: 30d }}\n"
                f"steps:\n  - {{ id: mail, test: {{ {contents} }} }}\n")

    def drip(self, *words):
        done = subprocess.run([*self.command, *words], capture_output=True, text=True, cwd=self.root, check=False)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def play(self):
        dice = random.Random(1)
        with (self.root / "people.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["email", "test"])
            rows.writerows([f"{name}{number}@example.com", name] for name in TESTS for number in range(PEOPLE))
        self.drip("import", "people.csv")
        self.drip("-q", "--now", MONDAY, "run")
        with contextlib.closing(sqlite3.connect(f"file:{self.root}/drip.db?mode=ro", uri=True)) as store:
            rows = store.execute("SELECT email, campaign, variant FROM v_sends WHERE state = 'sent' ORDER BY email").fetchall()
        with (self.root / "orders.csv").open("w", newline="") as file:
            orders = csv.writer(file)
            orders.writerow(["email", "event", "time"])
            orders.writerows([who, "purchased", "2026-03-03T02:00:00Z"] for who, campaign, variant in rows if dice.random() < TESTS[campaign][variant])
        self.drip("import", "orders.csv")
        self.drip("-q", "--now", FRIDAY, "run")
        return {one["campaign"]: one["steps"][0] for one in json.loads(self.drip("--now", FRIDAY, "report", "--format", "json"))["campaigns"]}

    def size(self, *words):
        return json.loads(self.drip("test-size", *words, "--json"))


def near(what, found, expected):
    assert abs(found - expected) <= DIGITS, f"{what}: {found}, not {expected}"


def judge(name, step):
    """Compares every number of a step; returns how many."""
    counts = {row["variant"]: (row["goal"], row["sent"]) for row in step["variants"]}
    assert sum(sent for _, sent in counts.values()) == PEOPLE, f"{name}: {counts}"
    compared = 0
    for row in step["variants"]:
        goal, sent = counts[row["variant"]]
        for found, expected in zip(row["goal_rate_between"], proportion_confint(goal, sent, 0.05, "wilson")):
            near(f"{name} {row['variant']} between", found, expected)
            compared += 1
    verdict = step["verdict"]
    order = sorted(counts, key=lambda one: counts[one][0] / counts[one][1], reverse=True)
    assert {verdict["leader"], verdict["next"]} == set(order[:2]), f"{name}: {verdict}, {counts}"
    pairs = len(counts) * (len(counts) - 1) / 2
    one, other = counts[verdict["leader"]], counts[verdict["next"]]
    expected = confint_proportions_2indep(*one, *other, method="newcomb", compare="diff", alpha=0.05 / pairs)
    for found, wanted in zip(verdict["between"], expected):
        near(f"{name} difference", found, wanted)
        compared += 1
    near(f"{name} difference", verdict["difference"], one[0] / one[1] - other[0] / other[1])
    lows = [confint_proportions_2indep(*one, *counts[which], method="newcomb", compare="diff", alpha=0.05 / pairs)[0]
            for which in counts if which != verdict["leader"]]
    assert verdict["is_clear"] == (min(lows) > 0), f"{name}: {verdict}"
    shares = {variant: beta(goal + 1, sent - goal + 1) for variant, (goal, sent) in counts.items()}
    for variant, share in shares.items():
        others = [shares[other] for other in shares if other != variant]

        def height(x, share=share, others=others):
            height = share.pdf(x)
            for other in others:
                height *= other.cdf(x)
            return height

        middle, wide = share.mean(), 30 * share.std()
        chance, _ = integrate.quad(height, max(0, middle - wide), min(1, middle + wide), limit=500, points=[middle])
        near(f"{name} {variant} best", verdict["best"][variant], chance)
        compared += 1
    return compared


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--drip", required=True, type=pathlib.Path)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = Project(given.drip.resolve(), pathlib.Path(folder))
        steps = project.play()
        compared = sum(judge(name, steps[name]) for name in TESTS)
        assert steps["apart"]["verdict"]["is_clear"] and not steps["even"]["verdict"]["is_clear"], steps
        for rate, better, contents, power, confidence in [
            (0.05, 0.06, 2, 0.8, 0.95), (0.2, 0.1, 2, 0.9, 0.99), (0.01, 0.015, 3, 0.8, 0.95), (0.5, 0.6, 5, 0.95, 0.9),
        ]:
            words = (str(rate), str(better), "--contents", str(contents), "--power", str(power), "--confidence", str(confidence))
            found = project.size(*words)["people_each"]
            pairs = contents * (contents - 1) / 2
            expected = samplesize_proportions_2indep_onetail(better - rate, rate, 1 - (1 - power) / (contents - 1), alpha=(1 - confidence) / pairs, alternative="two-sided")
            assert 0 <= found - expected < 1, f"{words}: {found}, not {expected}"
            compared += 1
    print(f"{compared} numbers as SciPy and statsmodels have them: 0 wrong")


if __name__ == "__main__":
    main()
