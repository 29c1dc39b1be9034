#!/usr/bin/env python3
"""How long contacts stay in a stage, as `drip report stages` says, beside statsmodels: the median by Kaplan and Meier.

People buy as they like over two years, a real run follows them, and most stays are not over when they are counted.
"""

import argparse
import csv
import datetime as dt
import json
import pathlib
import random
import subprocess
import tempfile

from statsmodels.duration.survfunc import SurvfuncRight

PEOPLE = 400
START = dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)
SETTINGS = """\
from: Trà Sen <hello@acme.example>
postal_address: 12 Lý Thường Kiệt, Hà Nội
stages:
  prospect: "true"
  new: did("purchased")
  loyal: count("purchased", "365d") >= 3
  lapsed: days_since("purchased") >= 90
"""
HOUR = dt.timedelta(hours=1)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--drip", required=True, type=pathlib.Path)
    drip = arguments.parse_args().drip.resolve()
    dice = random.Random(7)
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "campaigns").mkdir()
        (root / "drip.yaml").write_text(SETTINGS)
        end = START + dt.timedelta(days=700)

        def run(*words, now=end):
            done = subprocess.run([drip, "-C", root, "--now", now.isoformat(), *words], capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{words}: {done.stderr}"
            return done.stdout

        came = {f"p{number}@example.com": START + dice.randrange(600 * 24 * 60) * dt.timedelta(minutes=1) for number in range(PEOPLE)}
        bought = {
            who: sorted(at + dice.expovariate(1 / 60) * dt.timedelta(days=1) for _ in range(dice.randrange(8))) for who, at in came.items()
        }
        with (root / "people.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["email"], *([who] for who in came)])
        with (root / "events.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["email", "event", "time"])
            for who, at in came.items():
                rows.writerow([who, "registered", at.isoformat()])
                rows.writerows([who, "purchased", each.isoformat(timespec="milliseconds")] for each in bought[who] if each <= end)
        run("import", str(root / "people.csv"))
        run("import", str(root / "events.csv"))
        told = {row["stage"]: row["median_stay_h"] for row in json.loads(run("report", "stages", "--json"))["stages"]}
        stays = {stage: [] for stage in told}
        for who, at in came.items():
            for stage, since, until in lives(at, [each for each in bought[who] if each <= end], end):
                stays[stage].append(((until or end) - since, until is not None))
        compared = 0
        for stage, known in stays.items():
            lengths = [int(length / HOUR) for length, _ in known]
            curve = SurvfuncRight(lengths, [int(over) for _, over in known])
            half = [time for time, share in zip(curve.surv_times, curve.surv_prob) if share <= 0.5 + 1e-12]
            expected = int(half[0]) if half else None
            assert told[stage] == expected, f"{stage}: {told[stage]} hours, not {expected}, of {len(known)} stays"
            compared += 1
        lasting = sum(not over for known in stays.values() for _, over in known)
    print(f"{compared} medians of {sum(map(len, stays.values()))} stays, {lasting} of them not over, as statsmodels has them: 0 wrong")


def lives(first, bought, end):
    """Walks a life from purchase to purchase; yields each stage, since when, until when (`None`: still)."""
    ninety, year = dt.timedelta(days=90), dt.timedelta(days=365)
    bought = [each - dt.timedelta(microseconds=each.microsecond % 1000) for each in bought]

    def stage(at):
        known = [each for each in bought if each <= at]
        if not known:
            return "prospect"
        if at - known[-1] >= ninety:
            return "lapsed"
        return "loyal" if sum(each >= at - year for each in known) >= 3 else "new"

    tick = dt.timedelta(milliseconds=1)
    edges = sorted({first, *bought, *(each + ninety for each in bought), *(each + year + tick for each in bought)})
    place, since = None, first
    for at in (each for each in edges if first <= each <= end):
        now = stage(at)
        if now != place:
            if place is not None:
                yield place, since, at
            place, since = now, at
    yield place, since, None


if __name__ == "__main__":
    main()
