"""The rows, and the Markdown that comes of them."""
import dataclasses

from .measure import slope


@dataclasses.dataclass
class Table:
    """Everything that was measured, in its order."""

    machine: list
    rows: list = dataclasses.field(default_factory=list)
    growths: list = dataclasses.field(default_factory=list)

    def add(self, what, ours, theirs="", ratio="", goal="", met=None):
        """Adds a row; `met` is `None` where there is no goal, or nothing was measured."""
        verdict = {True: "yes", False: "**no**", None: ""}[met]
        self.rows.append((what, ours, theirs, ratio, goal, verdict))

    def grows(self, what, sizes, seconds):
        """Adds a measure at several sizes."""
        self.growths.append((what, sizes, seconds))

    def markdown(self):
        lines = [f"- {line}" for line in self.machine] + [""]
        lines += grid(("what", "drip", "peer or limit", "ratio", "goal", "met"), self.rows)
        if self.growths:
            lines += ["", "How it grows: 1 is twice the time for twice as many, 0 the same time for any number.", ""]
            lines += grid(("what", "", "", "", "growth"), [growth_row(*growth) for growth in self.growths])
        return "\n".join(lines) + "\n"


def growth_row(what, sizes, seconds):
    cells = [f"{count(size)}: {duration(taken)}" for size, taken in zip(sizes, seconds)]
    return (what, *cells, f"{slope(sizes, seconds):.2f}")


def grid(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return lines + ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]


def count(number):
    return f"{number:,.0f}"


def rate(number):
    return f"{count(number)}/s" if number >= 10 else f"{number:.1f}/s"


def duration(seconds):
    if seconds < 1:
        return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def times(ratio):
    return f"{ratio:.2f}" if ratio < 10 else count(ratio)
