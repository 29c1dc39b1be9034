#!/usr/bin/env python3
"""Files that nobody here wrote, through `drip import`: every CSV of two collections, cell by cell, and 164 addresses.

    tests/slow/import.py --drip target/release/drip --data DIR

DIR holds csv/ (csv-spectrum and the examples of csvkit) and addresses/cases.json (isemail). Each CSV gets an
e-mail column in front, byte for byte the same otherwise, and what drip made of its cells is compared with what
Python's csv module reads, or with the JSON beside it. Ends with 1 if a cell came out as another, a row was lost,
an illegal address was taken, a plainly valid one refused, or drip broke down.
"""
import argparse
import csv
import datetime as dt
import io
import json
import pathlib
import re
import sqlite3
import subprocess
import sys
import tempfile
import unicodedata

SETTINGS = "from: Acme <hello@acme.example>\npostal_address: 12 Ly Thuong Kiet\ntimezone: Asia/Ho_Chi_Minh\n"

# Files that are refused as a whole, and what must be said.
REFUSED = {
    "mac_newlines.csv": "CR alone",
    "test_header_newline.csv": "line break or control character",
    "dummy.csv.gz": "compressed (gzip)",
    "dummy.csv.bz2": "compressed (bzip2)",
    "empty.csv of csvkit": "the file is empty",
}

# Labels that are wrong in the collection itself.
WRONG_JSON = {"location_coordinates", "newlines_crlf"}


class Failure(Exception):
    pass


def drip(binary, folder, *words):
    done = subprocess.run([binary, "--color", "never", "--json", "import", *words], cwd=folder, capture_output=True, timeout=60)
    said = done.stderr.decode()
    if done.returncode not in (0, 2, 4) or "panicked" in said:
        raise Failure(f"ended with {done.returncode}: {said}")
    return done.returncode, json.loads(done.stdout) if done.stdout else None, said


def project(folder):
    (folder / "campaigns").mkdir()
    (folder / "templates").mkdir()
    (folder / "drip.yaml").write_text(SETTINGS)


def contacts(folder):
    with sqlite3.connect(folder / "drip.db") as connection:
        return dict(connection.execute("SELECT email, attributes FROM v_contacts").fetchall())


def encoding_of(raw):
    """Returns the encoding as a person would find it, and the byte order mark."""
    for mark, name in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if raw.startswith(mark):
            return name, mark
    try:
        raw.decode("utf-8")
        return "utf-8", b""
    except UnicodeDecodeError:
        return "latin-1", b""


def with_email(text, delimiter):
    """Puts a column in front of each record, and changes nothing else."""
    out, quoted, start, at_cell, row = [], False, True, False, 0
    for c, following in zip(text, text[1:] + "\n"):
        if start and c not in "\r\n":
            out.append("email" + delimiter if row == 0 else f"r{row}@test.example{delimiter}")
            row += 1
            start, at_cell = False, True
        out.append(c)
        if c == '"' and quoted and following == '"':
            quoted = None  # the first of two quotes that stand for one
        elif c == '"' and quoted is None:
            quoted = True
        elif c == '"' and (quoted or at_cell):
            quoted = not quoted
        at_cell = c == delimiter and not quoted
        start = start or (c == "\n" and not quoted)
    return "".join(out)


def plain(cell):
    return unicodedata.normalize("NFC", cell.strip())


def same(cell, value):
    """Says whether a value is what the cell says, and nothing else."""
    cell = plain(cell)
    if isinstance(value, bool):
        return cell.lower() == str(value).lower()
    if isinstance(value, (int, float)):
        groups = cell.replace(",", "")
        return bool(re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?", groups)) and float(groups) == float(value)
    if value == cell:
        return True
    day = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", cell)
    if day:
        return value == dt.date(int(day[3]), int(day[2]), int(day[1])).isoformat()
    time = re.fullmatch(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)", cell)
    return bool(time) and value == f"{time[1]}T{time[2]}"


def csv_file(binary, path, folder):
    """Returns a line about one file; raises what is wrong."""
    raw = path.read_bytes()
    if path.suffix in (".gz", ".bz2"):
        (folder / path.name).write_bytes(raw)
        return refused(binary, folder, path.name, REFUSED[path.name])
    encoding, mark = encoding_of(raw)
    text = raw[len(mark):].decode(encoding)
    delimiter = {".tsv": "\t"}.get(path.suffix, ";" if path.name == "sniff_limit.csv" else ",")
    name = path.name
    (folder / name).write_bytes(mark + with_email(text, delimiter).encode(encoding))
    key = f"{name} of csvkit" if name == "empty.csv" and not text.strip() else name
    if key in REFUSED:
        return refused(binary, folder, name, REFUSED[key])

    records = [record for record in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if record]
    header, records = records[0], records[1:]
    beside = path.parent.parent / "json" / f"{path.stem}.json"
    if beside.exists() and path.stem not in WRONG_JSON:
        if [dict(zip(header, record)) for record in records] != json.loads(beside.read_text()):
            raise Failure("Python reads the file in another way than the JSON beside it")
    nameless = [index for index, column in enumerate(header) if not column.strip()]
    if any(plain(record[index]) for record in records for index in nameless if index < len(record)):
        return refused(binary, folder, name, "has no name")

    code, said, messages = drip(binary, folder, name)
    if code == 2:
        raise Failure(f"refused: {messages}")
    targets = said["files"][0]["columns"]
    found = contacts(folder)
    taken = 0
    for number, record in enumerate(records, 1):
        attributes = found.pop(f"r{number}@test.example", None)
        bad = len(record) != len(header) or any(re.search(r"[\x00-\x08\x0a-\x1f\x7f]", plain(cell)) for cell in record)
        if bad != (attributes is None):
            raise Failure(f"row {number} {record} is {'taken' if attributes else 'lost'}: {messages}")
        if bad:
            continue
        taken += 1
        attributes = json.loads(attributes)
        for column, cell in zip(header, record):
            if not plain(column):
                continue
            target = targets[plain(column)]
            if not plain(cell):
                if target in attributes and target != "first_name":
                    raise Failure(f"row {number}, {column}: nothing became {attributes[target]!r}")
            elif target not in attributes or not same(cell, attributes[target]):
                raise Failure(f"row {number}, {column}: {cell!r} became {attributes.get(target)!r}")
    if found:
        raise Failure(f"people from nowhere: {sorted(found)}")
    rejected = said["files"][0]["rejected"]
    if taken + rejected != len(records):
        raise Failure(f"{len(records)} rows, {taken} taken, {rejected} rejected")
    return f"{len(header):3} columns, {taken:3} rows compared, {rejected} rejected, {said['files'][0]['encoding']}"


def refused(binary, folder, name, words):
    code, _, messages = drip(binary, folder, name)
    if code != 2 or words not in messages:
        raise Failure(f"not refused with {words!r}, but {code}: {messages}")
    return "refused: " + messages.splitlines()[0].split(": ", 2)[-1]


# What must be said of an address that is legal, but odd, by the diagnosis of isemail.
ODD = [
    (r"QUOTEDSTRING|DEPREC_LOCALPART|DEPREC_QP|DEPREC_QTEXT", r"quotes|control character|longer|line break"),
    (r"ADDRESSLITERAL|DOMAINLITERAL|IPV6|DOMLIT", r"number of a machine|control character|space|comment"),
    (r"COMMENT|CTEXT", r"comment|control character"),
    (r"CFWS_NEAR_AT|FWS", r"space|comment|control character|line break"),
    (r"TOOLONG", r"longer|no valid domain|comment|quotes"),
    (r"TLDNUMERIC", r"no valid domain|number of a machine"),
    (r"RFC5321_TLD$", r"no dot"),
    (r"RFC5322_DOMAIN$", r"no valid domain"),
]


def addresses(binary, cases, form):
    """Returns how many were taken and refused; prints what is wrong and returns the number of it."""
    wrong = taken = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        project(folder)
        for number, case in enumerate(cases, 1):
            text = case["address"]
            if form == "jsonl":
                (folder / "a.jsonl").write_text(json.dumps({"email": text, "n": number}) + "\n")
            else:
                with open(folder / "a.csv", "w", newline="", encoding="utf-8") as file:
                    csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["email", "n"], [text, number]])
            before = set(contacts(folder)) if (folder / "drip.db").exists() else set()
            code, said, messages = drip(binary, folder, f"a.{form}")
            result = said["files"][0]
            reason = result["first_rejected"][0]["reason"] if result["first_rejected"] else ""
            taken += code == 0
            legal, diagnosis = case["category"], case["diagnosis"]
            complaint = None
            if code == 0:
                new = set(contacts(folder)) - before
                around = text.strip(" \t") != text and diagnosis == "ISEMAIL_CFWS_FWS" and "\n" not in text
                if legal not in ("ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN") and not around:
                    complaint = "taken, though it is illegal or odd"
                elif any(mail.lower() != text.strip().lower() for mail in new):
                    complaint = f"became {new}"
            elif legal in ("ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN"):
                # drip asks for a dot in the domain, and says so.
                if not ("no dot" in reason and "." not in text.split("@")[1]):
                    complaint = f"refused, though it is valid: {reason}"
            elif legal != "ISEMAIL_ERR":
                expected = next((words for kind, words in ODD if re.search(kind, diagnosis)), None)
                if expected is None or not re.search(expected, reason):
                    complaint = f"refused for another reason: {reason}"
            elif not reason:
                complaint = "refused without a reason"
            if complaint:
                wrong += 1
                print(f"  {form} {case['id']} {text!r} ({diagnosis}): {complaint}")
    print(f"{'addresses as ' + form:<42} {taken} taken, {len(cases) - taken} refused, {wrong} wrong")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drip", required=True, type=lambda path: str(pathlib.Path(path).resolve()))
    parser.add_argument("--data", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    files = sorted((arguments.data / "csv").glob("**/*.csv*")) + sorted((arguments.data / "csv").glob("**/*.tsv"))
    cases = json.loads((arguments.data / "addresses/cases.json").read_text())["cases"]
    if len(files) < 60 or len(cases) < 160:
        sys.exit(f"the data is not there: {len(files)} files, {len(cases)} addresses")
    wrong = 0
    for path in files:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            project(folder)
            try:
                result = csv_file(arguments.drip, path, folder)
            except (Failure, subprocess.TimeoutExpired) as failure:
                wrong += 1
                result = f"WRONG: {failure}"
        print(f"{path.parent.name + '/' + path.name:<42} {result}")
    for form in ("jsonl", "csv"):
        wrong += addresses(arguments.drip, cases, form)
    print(f"{len(files)} files, {len(cases)} addresses: {wrong} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
