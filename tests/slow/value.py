#!/usr/bin/env python3
"""What drip says customers are worth, beside what was published of the CDNOW data, and beside the package `lifetimes`.

The published numbers (Fader, Hardie and Lee 2005) are of a sample of 2,357 customers, observed for 39 weeks; the sample comes with the
package. Beside the package itself all 23,570 customers are compared: the models, and of every customer the chance of being one still, the
purchases and the value to be expected. The package and what it needs are installed from PyPI into a folder that is gone afterwards.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import venv

# lifetimes is not developed any more; these are versions with which it works.
NEEDS = ["lifetimes==0.11.3", "numpy==2.4.6", "pandas==3.1.1", "scipy==1.17.1", "autograd==1.9.1"]
PUBLISHED = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
LIKELIHOOD = -9582.4
MONEY = {"p": 6.25, "q": 3.74, "v": 15.44}
AHEAD = 90
# Both look for the same optimum; the package gives up when it is right to five digits or so.
OF_MODEL, OF_CUSTOMER = 2e-4, 1e-9


class Shop:
    def __init__(self, drip, root):
        root.mkdir()
        self.command, self.root = [drip, "-C", root], root
        (root / "drip.yaml").write_text(f"from: Shop <hello@acme.example>\npostal_address: 12 Main Street\nvalue: {{ ahead: {AHEAD}d }}\n")

    def drip(self, *words):
        done = subprocess.run([*self.command, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def buy(self, orders):
        """Imports orders: whose, on which day, for how much."""
        lines = ["email,event,time,value", *(f"{who},purchased,{day:%Y-%m-%d}T12:00:00Z,{value}" for who, day, value in orders)]
        people = ["email", *sorted({who for who, _, _ in orders})]
        (self.root / "people.csv").write_text("\n".join(people) + "\n")
        (self.root / "orders.csv").write_text("\n".join(lines) + "\n")
        self.drip("-q", "import", self.root / "people.csv", self.root / "orders.csv")

    def value(self, now):
        return json.loads(self.drip("--now", now, "value", "--refit", "--json"))

    def customers(self, now):
        rows = map(json.loads, self.drip("--now", now, "export", "value", "--format", "json").splitlines())
        return {row["email"]: row for row in rows}


def near(what, found, expected, share):
    assert abs(found - expected) <= share * max(abs(expected), 1e-6), f"{what}: {found}, not {expected}"


def published(drip, folder):
    """Fits the sample up to the end of its 39 weeks; returns how many customers that are."""
    import lifetimes
    import pandas
    from lifetimes import BetaGeoFitter
    from lifetimes.datasets import load_cdnow_summary

    path = pathlib.Path(lifetimes.__file__).parent / "datasets/CDNOW_sample.txt"
    orders = pandas.read_csv(path, sep=r"\s+", names=["_", "id", "date", "items", "value"], dtype={"id": str, "date": str})
    orders["date"] = pandas.to_datetime(orders["date"], format="%Y%m%d")
    orders = orders.groupby(["id", "date"], as_index=False)["value"].sum()
    shop = Shop(drip, folder / "sample")
    shop.buy([(f"c{row.id}@example.com", row.date, round(row.value, 2)) for row in orders.itertuples()])
    told = shop.value("1997-09-30T23:00:00Z")
    found = told["model"]["buying"]
    in_weeks = {**found, "alpha": found["alpha"] / 7}
    for name, expected in PUBLISHED.items():
        assert abs(in_weeks[name] - expected) <= 0.0005, f"{name}: {in_weeks[name]}, not {expected}"
    summary = load_cdnow_summary(index_col=[0])
    assert told["customers"] == len(summary) == 2357, told["customers"]
    logs = pandas.Series(in_weeks)[["r", "alpha", "a", "b"]].map(__import__("math").log).to_numpy()
    ones = pandas.Series(1.0, index=summary.index)
    columns = (summary[name].to_numpy() for name in ("frequency", "recency", "T"))
    likelihood = -BetaGeoFitter._negative_log_likelihood(logs, *columns, ones.to_numpy(), 0.0) * len(summary)
    assert abs(likelihood - LIKELIHOOD) <= 0.05, likelihood
    # With the money: the published gamma-gamma model is of those of the sample who came back.
    money = told["model"]["spending"]
    for name, expected in MONEY.items():
        near(name, money[name], expected, 0.01)
    return told["customers"], likelihood


def beside_lifetimes(drip, folder, data):
    """Compares every number of every customer; returns how many, and how far they were off at most."""
    import numpy
    import pandas
    from lifetimes import BetaGeoFitter, GammaGammaFitter
    from lifetimes.utils import summary_data_from_transaction_data

    orders = pandas.read_csv(data / "events.csv")
    orders["day"] = pandas.to_datetime(orders["time"].str[:10])
    shop = Shop(drip, folder / "all")
    shop.buy(list(orders[["email", "day", "value"]].itertuples(index=False, name=None)))
    now, end = "1998-06-30T23:00:00Z", pandas.Timestamp("1998-06-30")
    told = shop.value(now)
    found, money = told["model"]["buying"], told["model"]["spending"]
    # Days on which nothing was paid are purchases; as prices they are left out, as the package wants.
    summary = summary_data_from_transaction_data(orders, "email", "day", observation_period_end=end)
    paid = orders.groupby(["email", "day"], as_index=False)["value"].sum()
    paid = paid[(paid["day"] > paid.groupby("email")["day"].transform("min")) & (paid["value"] > 0)]
    spent = paid.groupby("email")["value"].agg(["count", "mean"]).reindex(summary.index).fillna(0.0)

    buying = BetaGeoFitter(penalizer_coef=0.0)
    buying.fit(summary["frequency"], summary["recency"], summary["T"])
    for name, value in buying.params_.items():
        near(name, found[name], value, OF_MODEL)
    spending = GammaGammaFitter(penalizer_coef=0.0)
    returned = spent[spent["count"] > 0]
    spending.fit(returned["count"], returned["mean"])
    for name, value in spending.params_.items():
        near(name, money[name], value, OF_MODEL)

    # The same models from here on, so that what is left is the arithmetic.
    buying.params_ = pandas.Series(found)[["r", "alpha", "a", "b"]]
    spending.params_ = pandas.Series(money)[["p", "q", "v"]]
    columns = (summary["frequency"], summary["recency"], summary["T"])
    expected = pandas.DataFrame({
        "p_alive": buying.conditional_probability_alive(*columns),
        "expected_purchases": buying.conditional_expected_number_of_purchases_up_to_time(AHEAD, *columns),
        "expected_amount": spending.conditional_expected_average_profit(spent["count"], spent["mean"]),
    }, index=summary.index)
    expected["expected_value"] = expected["expected_purchases"] * expected["expected_amount"]
    rows = shop.customers(now)
    assert len(rows) == len(summary) == told["customers"] == 23_570, len(rows)
    worst = {}
    for name in expected:
        here = numpy.array([rows[email][name] for email in expected.index])
        off = numpy.abs(here / expected[name].to_numpy() - 1.0)
        worst[name] = off.max()
        assert off.max() <= OF_CUSTOMER, f"{name} of {expected.index[off.argmax()]}: {here[off.argmax()]}, not {expected[name].iloc[off.argmax()]}"
    for email, row in rows.items():
        assert row["frequency"] == summary.loc[email, "frequency"] + 1 and row["recency"] == summary.loc[email, "T"] - summary.loc[email, "recency"], row
    for days, column in [(30, "purchases"), (90, "purchases")]:
        total = buying.conditional_expected_number_of_purchases_up_to_time(days, *columns).sum()
        near(f"{days} days", next(one for one in told["expected"] if one["days"] == days)[column], total, OF_CUSTOMER)
    # Conditions mean the same numbers.
    listed = json.loads(shop.drip("--now", now, "contact", "list", "--json", "--where", "contact.p_alive < 0.3"))["contacts"]
    assert {one["email"] for one in listed} == set(expected.index[expected["p_alive"] < 0.3]), len(listed)
    return len(rows) * len(worst), max(worst.values())


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--drip", required=True, type=pathlib.Path)
    arguments.add_argument("--data", required=True, type=pathlib.Path, help="the folder with events.csv of CDNOW")
    given = arguments.parse_args()
    try:
        import lifetimes  # noqa: F401
    except ImportError:
        if os.environ.get("DRIP_VALUE_VENV"):
            raise
        with tempfile.TemporaryDirectory() as place:
            venv.create(place, with_pip=True)
            python = pathlib.Path(place) / "bin/python3"
            subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *NEEDS], check=True)
            done = subprocess.run([python, *sys.argv], env={**os.environ, "DRIP_VALUE_VENV": place}, check=False)
            sys.exit(done.returncode)
    with tempfile.TemporaryDirectory() as folder:
        drip, folder = given.drip.resolve(), pathlib.Path(folder)
        customers, likelihood = published(drip, folder)
        numbers, worst = beside_lifetimes(drip, folder, given.data)
        print(f"the published model of {customers:,} customers, log-likelihood {likelihood:.1f}; {numbers:,} numbers as lifetimes has them, "
              f"off by {worst:.0e} of themselves at most: 0 wrong")


if __name__ == "__main__":
    main()
