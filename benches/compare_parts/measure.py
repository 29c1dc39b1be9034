"""Running a program and saying what it took."""
import dataclasses
import math
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

from . import machine


@dataclasses.dataclass
class Took:
    """What a program took: seconds of wall and CPU, and the most memory it had at once, in MiB."""

    wall: float
    cpu: float
    peak: float = math.nan
    output: str = ""


def run(*command, cwd=None, env=None, peak=False, codes=(0,)):
    """Runs a program to its end.

    `peak` runs it below GNU time, because what Linux reports to Python as a child's peak begins with Python's own.
    """
    command = [str(part) for part in command]
    note = None
    if peak and machine.has("time"):
        note = tempfile.NamedTemporaryFile("r", prefix="drip-peak-")
        command = ["env", "time", "-q", "-f", "%M", "-o", note.name, *command]
    with tempfile.TemporaryFile("w+b") as output:
        began = time.perf_counter()
        child = subprocess.Popen(command, cwd=cwd, env=env, stdout=output, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read().decode(errors="replace")
    if child.returncode not in codes:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}:\n{said[-4000:]}")
    took = Took(wall, used.ru_utime + used.ru_stime, output=said)
    if note:
        took.peak = int(note.read() or 0) / 1024
        note.close()
    return took


def median(runs):
    """Returns the run in the middle by wall time, with the largest peak of all."""
    runs = sorted(runs, key=lambda took: took.wall)
    middle = runs[len(runs) // 2]
    return dataclasses.replace(middle, peak=max(took.peak for took in runs))


def best_of(times, function):
    """Returns the median of several runs."""
    return statistics.median(function() for _ in range(times))


def slope(sizes, times):
    """Returns the exponent of the growth: least squares through the logarithms; 1 is "twice as many take twice as long"."""
    points = [(math.log(size), math.log(time)) for size, time in zip(sizes, times)]
    x, y = (statistics.fmean(values) for values in zip(*points))
    return sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)


def size_of(path):
    return pathlib.Path(path).stat().st_size
