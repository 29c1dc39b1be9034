#!/usr/bin/env python3
"""Has SpamAssassin judge every mail of the starter, without the network: by mail alone, and with links to `drip serve`.

None may score above 0, and none may be told of a header that is missing or of a part that is malformed (MISSING_*, MIME_*). A mail spoilt on
purpose shows first that the judge is awake.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

DAYS = 30
WEB = "public_url: https://mail.acme.example\ntracking: { clicks: true, opens: true }\n"


def judged(raw):
    """The score of a mail, and the rules that it met."""
    done = subprocess.run(["spamassassin", "-L", "-t"], input=raw, capture_output=True, check=True)
    text = done.stdout.decode("utf-8", "replace")
    status = re.search(r"^X-Spam-Status:.*?(?=^\S)", text, re.M | re.S).group(0)
    rules = re.sub(r"\s+", "", re.search(r"tests=(.*?)(?:autolearn|$)", status, re.S).group(1)).strip(",").split(",")
    return float(re.search(r"score=(-?[\d.]+)", status).group(1)), rules


def starter(drip, root, more):
    """Every mail of thirty days of the starter, in Vietnamese and in English."""
    run = lambda *words: subprocess.run([drip, "-C", root, *words], check=True, capture_output=True)
    run("init", ".")
    settings = root / "drip.yaml"
    settings.write_text(settings.read_text() + more)
    people = root / "people.csv"
    people.write_text("email,first_name,language,tags\nlan@example.com,Lan,vi,\nanna@example.com,Anna,en,\n")
    run("--now", "2026-03-02T02:00:00Z", "import", people)
    for campaign in sorted((root / "campaigns").glob("*.yaml")):
        subprocess.run([drip, "-C", root, "--now", "2026-03-02T02:00:00Z", "enrol", campaign.stem, "lan@example.com", "anna@example.com"],
                       check=False, capture_output=True)
    for day in range(DAYS):
        run("--now", f"2026-03-{2 + day:02}T02:00:00Z" if day < 30 else "2026-04-01T02:00:00Z", "run")
    return [path.read_bytes() for path in sorted((root / "outbox").glob("*/*"))]


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--drip", required=True, type=pathlib.Path)
    drip = arguments.parse_args().drip.resolve()
    faults, worst, looked_at = [], -99.0, 0
    for more in ("", WEB):
        with tempfile.TemporaryDirectory() as folder:
            mails = starter(drip, pathlib.Path(folder), more)
        if len(mails) < 10:
            sys.exit(f"only {len(mails)} mails")
        spoilt = re.sub(rb"(?mi)^(date|message-id):.*\r\n(?:[ \t].*\r\n)*", b"", mails[0])
        score, rules = judged(spoilt)
        if score <= 0 or not any(rule.startswith("MISSING_") for rule in rules):
            sys.exit(f"a mail without Date and Message-ID passes: {score} {rules}")
        for raw in mails:
            score, rules = judged(raw)
            worst, looked_at = max(worst, score), looked_at + 1
            wrong = [rule for rule in rules if rule.startswith(("MISSING_", "MIME_")) and rule != "MIME_GOOD"]
            if score > 0 or wrong:
                subject = re.search(rb"(?mi)^subject: (.*)", raw).group(1).decode()
                faults.append(f"{subject}: {score} {' '.join(rules)}")
    for fault in faults:
        print(fault)
    if faults:
        sys.exit(1)
    print(f"{looked_at} mails: none above {worst}")


if __name__ == "__main__":
    main()
