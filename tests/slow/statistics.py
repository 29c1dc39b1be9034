#!/usr/bin/env python3
"""What drip says of a test of contents, beside SciPy and statsmodels: intervals, differences, the chance of being the best, sizes,
the parts of a mail, the look that decides, the shares under Thompson sampling, and the lift over a hold-out.

People are mailed one of several contents by a real run, and reach the goal as they like; the numbers of the report must be
those that the other programs make of the same counts, to four digits; what people spent
to the cent.
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
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

DIGITS = 5e-5 + 1e-9
MONDAY, FRIDAY = "2026-03-02T02:00:00Z", "2026-03-06T02:00:00Z"
TESTS = {
    "even": {"a": 0.2, "b": 0.2},
    "apart": {"a": 0.1, "b": 0.35},
    "rare": {"a": 0.0, "b": 0.02},
    "many": {"a": 0.3, "b": 0.5, "c": 0.45, "d": 0.05},
}
PEOPLE = 400
# Campaigns of other kinds: what stands in the file, and how likely the goal is by the content, or without any.
KINDS = {
    "parts": ("test: { subject: { p: Tea, q: Hot tea, r: Cold tea }, send: { x: mail, y: other } }", "", lambda name: 0.1 + 0.15 * (name[0] == "q") + 0.1 * (name[-1] == "y")),
    "decided": ("test: { a: { send: mail }, b: { send: mail }, c: { send: mail } }, winner: { by: goal, after: 1d, at_least: 80, at_most: 400 }", "", lambda name: {"a": 0.1, "b": 0.15, "c": 0.4}[name]),
    "moving": ("test: { a: { send: mail }, b: { send: mail }, c: { send: mail } }, shares: { thompson: goal, after: 1d, floor: 4 }", "", lambda name: {"a": 0.2, "b": 0.25, "c": 0.22}[name]),
    "held": ("send: mail", "holdout: 25%\n", lambda name: 0.3),
}
WITHOUT = 0.15


class Project:
    def __init__(self, drip, root):
        self.command, self.root = [drip, "-C", root], root
        (root / "campaigns").mkdir()
        (root / "templates").mkdir()
        (root / "drip.yaml").write_text("from: Trà Sen <hello@acme.example>\npostal_address: 12 Lý Thường Kiệt, Hà Nội\nfrequency_cap: none\n")
        (root / "templates/mail.md").write_text("---\nsubject: tea\n---\n{{unsubscribe_url}} {{postal_address}}\n")
        (root / "templates/other.md").write_text("---\nsubject: tea\n---\n{{unsubscribe_url}} {{postal_address}}\n")
        for name, (step, head, _) in KINDS.items():
            (root / f"campaigns/{name}.yaml").write_text(
                f"trigger: {{ segment: contact.test == '{name}' }}\ngoal: {{ event: purchased, within: 3d }}\n{head}"
                f"steps:\n  - {{ id: mail, {step} }}\n")
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
            rows.writerows([f"{name}{number}@example.com", name] for name in [*TESTS, *KINDS] for number in range(PEOPLE))
        self.drip("import", "people.csv")
        self.drip("-q", "--now", MONDAY, "run")
        with contextlib.closing(sqlite3.connect(f"file:{self.root}/drip.db?mode=ro", uri=True)) as store:
            rows = store.execute("SELECT email, campaign, variant FROM v_sends WHERE state = 'sent' ORDER BY email").fetchall()
            out = [email for (email,) in store.execute("SELECT email FROM v_enrolments WHERE held_out ORDER BY email")]
        buyers = [who for who, campaign, variant in rows
                  if dice.random() < (TESTS[campaign][variant] if campaign in TESTS else KINDS[campaign][2](variant))]
        buyers += [who for who in out if dice.random() < WITHOUT]
        # A few spend much: 12.5 to 800, in hundredths.
        spent = {who: round(12.5 * 64 ** dice.random(), 2) for who in buyers}
        with (self.root / "orders.csv").open("w", newline="") as file:
            orders = csv.writer(file)
            orders.writerow(["email", "event", "time", "value"])
            orders.writerows([who, "purchased", "2026-03-03T02:00:00Z", value] for who, value in spent.items())
        self.spent = [[spent.get(who, 0.0) for who in group] for group in ([who for who, campaign, _ in rows if campaign == "held"], out)]
        self.drip("import", "orders.csv")
        self.drip("-q", "--now", FRIDAY, "run")
        return {one["campaign"]: one for one in json.loads(self.drip("--now", FRIDAY, "report", "--format", "json"))["campaigns"]}

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


def best(counts):
    """The chance of each count (hits, of) to be the one with the highest share."""
    shares = [beta(hits + 1, of - hits + 1) for hits, of in counts]

    def chance(at):
        def height(x):
            value = shares[at].pdf(x)
            for other, share in enumerate(shares):
                value *= share.cdf(x) if other != at else 1
            return value

        middle, wide = shares[at].mean(), 30 * shares[at].std()
        return integrate.quad(height, max(0, middle - wide), min(1, middle + wide), limit=500, points=[middle])[0]

    return [chance(at) for at in range(len(shares))]


def judge_parts(step):
    """Compares what each part of a mail does, from everyone who got one of its levels."""
    compared, effects = 0, step["test"]["effects"]
    assert [effect["factor"] for effect in effects] == ["subject", "send"], effects
    for at, effect in enumerate(effects):
        counts = {}
        for row in step["variants"]:
            level = row["variant"].split("+")[at]
            goal, sent = counts.get(level, (0, 0))
            counts[level] = (goal + row["goal"], sent + row["sent"])
        for level in effect["levels"]:
            goal, sent = counts[level["level"]]
            assert (level["goal"], level["sent"]) == (goal, sent), effect
            for found, expected in zip(level["goal_rate_between"], proportion_confint(goal, sent, 0.05, "wilson")):
                near(f"{effect['factor']} {level['level']}", found, expected)
                compared += 1
        # Three pairs of subjects and one of bodies.
        one, other = counts[effect["lead"]["leader"]], counts[effect["lead"]["next"]]
        expected = confint_proportions_2indep(*one, *other, method="newcomb", compare="diff", alpha=0.05 / 4)
        for found, wanted in zip(effect["lead"]["between"], expected):
            near(f"{effect['factor']} difference", found, wanted)
            compared += 1
    return compared


def judge_decided(step):
    """Judges the look anew: there are four at the most, three pairs of contents, and the first one is due."""
    looks = step["test"]["winner"]["looks"]
    assert len(looks) == 1 and looks[0]["number"] == 1, looks
    near("confidence of a look", looks[0]["confidence"], 1 - 0.05 / 4)
    counts = {row["variant"]: (row["hits"], row["sent"]) for row in looks[0]["counts"]}
    assert counts == {row["variant"]: (row["goal"], row["sent"]) for row in step["variants"]}, looks
    leader = max(counts, key=lambda one: counts[one][0] / counts[one][1])
    lows = [confint_proportions_2indep(*counts[leader], *counts[other], method="newcomb", compare="diff", alpha=0.05 / 4 / 3)[0]
            for other in counts if other != leader]
    assert looks[0]["winner"] == (leader if min(lows) > 0 else None), looks
    assert step["test"]["winner"]["won"] == "c", looks
    return 2


def judge_moving(step):
    """The shares of those who come next are the chances to be the best, above the floor of each."""
    counts = step["test"]["thompson"]["counts"]
    for row, chance in zip(counts, best([(row["hits"], row["sent"]) for row in counts])):
        near(f"share of {row['variant']}", step["test"]["shares"][row["variant"]], 0.04 + (1 - 3 * 0.04) * chance)
    return len(counts)


def judge_held(campaign, spent):
    """The lift is the difference between those who were mailed and those who were held out."""
    holdout = campaign["holdout"]
    mailed, out = [(holdout[group]["goal"], holdout[group]["entered"]) for group in ("mailed", "held_out")]
    assert mailed[1] + out[1] == PEOPLE and out[1] > 0, holdout
    low, high = confint_proportions_2indep(*mailed, *out, method="newcomb", compare="diff", alpha=0.05)
    near("lift", holdout["lift"]["difference"], mailed[0] / mailed[1] - out[0] / out[1])
    near("lift from", holdout["lift"]["between"][0], low)
    near("lift to", holdout["lift"]["between"][1], high)
    assert holdout["lift"]["is_clear"] == (low > 0 or high < 0), holdout
    for group, each in zip(("mailed", "held_out"), spent):
        assert abs(float(holdout[group]["bought_each"]) - sum(each) / len(each)) <= 0.005, holdout[group]
        assert abs(float(holdout[group]["bought"]["amount"]) - sum(each)) < 1e-6, holdout[group]
    lift, wanted = holdout["lift_of_revenue"], CompareMeans(*map(DescrStatsW, spent))
    low, high = wanted.tconfint_diff(usevar="unequal")
    for found, expected in zip([lift["difference"], *lift["between"]], [wanted.d1.mean - wanted.d2.mean, low, high]):
        assert abs(float(found) - expected) <= 0.005 + 1e-9, f"{lift}, not {low} to {high}"
    buyers = [sum(one > 0 for one in each) for each in spent]
    least, most = confint_proportions_2indep(buyers[0], len(spent[0]), buyers[1], len(spent[1]), method="newcomb", compare="diff", alpha=0.05)
    assert lift["is_clear"] == (low > 0 and least > 0 or high < 0 and most < 0), lift
    return 10


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--drip", required=True, type=pathlib.Path)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = Project(given.drip.resolve(), pathlib.Path(folder))
        campaigns = project.play()
        steps = {name: campaign["steps"][0] for name, campaign in campaigns.items()}
        compared = sum(judge(name, steps[name]) for name in TESTS)
        compared += judge_parts(steps["parts"]) + judge_decided(steps["decided"]) + judge_moving(steps["moving"]) + judge_held(campaigns["held"], project.spent)
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
