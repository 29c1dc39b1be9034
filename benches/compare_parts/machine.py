"""The machine: what is installed, what it is, and what of it is remembered."""
import datetime as dt
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Debian keeps Postfix's and the network's tools where only root looks.
os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"

PACKAGES = {
    "smtp-sink": "postfix",
    "smtp-source": "postfix",
    "ip": "iproute2",
    "tc": "iproute2",
    "time": "time",
}


def say(text):
    """Progress goes to stderr; the table alone to stdout."""
    print(text, file=sys.stderr, flush=True)


def has(program):
    return shutil.which(program) is not None


def is_root():
    return os.geteuid() == 0


def install():
    """Installs the Debian packages that are missing; the parts that need them say so where that fails."""
    packages = sorted({package for program, package in PACKAGES.items() if not has(program)})
    if not packages:
        return
    as_root = [] if is_root() else ["sudo", "-n"]
    if not has("apt-get"):
        say(f"not on Debian: {', '.join(packages)} cannot be installed")
        return
    # Without it Debian would set up a mail server and start it.
    no_server = b"postfix postfix/main_mailer_type select No configuration\n"
    try:
        if "postfix" in packages:
            subprocess.run([*as_root, "debconf-set-selections"], input=no_server, check=True)
        quiet = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
        subprocess.run([*quiet, "update"], check=True, stdout=sys.stderr)
        subprocess.run([*quiet, "install", "-y", "--no-install-recommends", *packages], check=True, stdout=sys.stderr)
    except (OSError, subprocess.CalledProcessError) as error:
        say(f"{', '.join(packages)} cannot be installed: {error}")


def virtual_environment(folder, *packages):
    """Returns the `bin` of a fresh Python environment with these packages; raises OSError where there is none."""
    try:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True, stdout=sys.stderr, stderr=sys.stderr)
        pip = [folder / "bin" / "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, *packages], check=True, stdout=sys.stderr)
    except subprocess.CalledProcessError as error:
        raise OSError(f"`{packages[0]}` cannot be installed") from error
    return folder / "bin"


def unpacked(package, folder):
    """Unpacks a Debian package into a folder, so that nothing of it is installed or started; says whether that went."""
    folder.mkdir(parents=True)
    try:
        subprocess.run(["apt-get", "-q", "download", package], cwd=folder, check=True, stdout=sys.stderr)
        [file] = folder.glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", file, folder], check=True, stdout=sys.stderr)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        say(f"{package} is not to be had: {error}")
        return False
    return True


def build():
    """Builds the release binary and returns where it is."""
    subprocess.run(["cargo", "build", "--release"], cwd=ROOT, check=True, stdout=sys.stderr)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target"))
    return ROOT / target / "release" / "drip"


def build_bench(name):
    """Builds one of the benches that are programs and returns where it is."""
    done = subprocess.run(
        ["cargo", "build", "--release", "--bench", name, "--message-format", "json"],
        cwd=ROOT, check=True, stdout=subprocess.PIPE, stderr=sys.stderr, text=True,
    )  # fmt: skip
    built = (json.loads(line) for line in done.stdout.splitlines())
    return next(one["executable"] for one in built if one.get("executable") and one["target"]["name"] == name)


def forget():
    """Has the kernel forget what it read from the disk; says whether it did."""
    os.sync()
    try:
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3\n")
    except OSError:
        return False
    return True


def describe(folder, drip, scale):
    """Returns what the figures were measured on, a line each."""
    version = subprocess.run([drip, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
    kind = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=False)
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return [
        f"{version}, {dt.date.today().isoformat()}" + ("" if scale == 1 else f", {scale:g} of the sizes"),
        f"{os.cpu_count()} × {cpu}, {pages:.0f} GiB of memory, Linux {platform.release()}",
        f"file system {kind.stdout.strip()}, a commit with fsync takes {commit_time(folder):.2f} ms",
    ]


def commit_time(folder):
    """Returns how long SQLite takes for one small commit that waits for the disk, in milliseconds."""
    import sqlite3
    import time

    path = folder / "commit.db"
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (x);")
    began, commits = time.perf_counter(), 200
    for number in range(commits):
        database.execute("INSERT INTO t VALUES (?)", (number,))
    took = time.perf_counter() - began
    database.close()
    path.unlink()
    return took / commits * 1000
