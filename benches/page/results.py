"""What benches/results holds: the rows of runs, figures kept from earlier measurements, and the conditions of both."""
import collections
import csv
import glob
import os
import re
import statistics

RESULTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../results")
OURS, THEIRS = "pgkeep", "pgbackrest"
FIGURES = ("wall", "cpu", "peak", "size")
# Columns of conditions.tsv and how the page says them, behind the note.
CONDITIONS = {"date": "{}", "cpu": "{}", "cores": "{} cores", "memory": "{} of memory", "kernel": "Linux {}", "file_system": "{}", "versions": "{}", "beside": "beside it {}"}


def read(name):
    path = os.path.join(RESULTS, name)
    if not os.path.exists(path):
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


class Cell:
    """All that is known of one case with one setting."""

    def __init__(self, bench, case, setting):
        self.bench, self.case, self.setting = bench, case, setting
        self.kept = {}  # what: text
        self.runs = collections.defaultdict(list)  # program: rows
        self.conditions = []

    def values(self, program, figure):
        return [float(row[figure]) for row in self.runs.get(program, []) if row[figure]]

    def median(self, program, figure):
        found = self.values(program, figure)
        return statistics.median(found) if found else None

    def ratio(self, figure):
        """Theirs by ours, of medians."""
        ours, theirs = self.median(OURS, figure), self.median(THEIRS, figure)
        return theirs / ours if ours and theirs else None

    def ratio_range(self, figure):
        """The lowest and the highest ratio: of programs that took turns, or of a kept text such as `1.1 to 1.3`."""
        pairs = [theirs / ours for ours, theirs in zip(self.values(OURS, figure), self.values(THEIRS, figure)) if ours]
        if pairs:
            return min(pairs), max(pairs)
        found = [float(word) for word in re.findall(r"[0-9.]+", self.kept.get(f"{figure} ratio", ""))]
        return (found[0], found[-1]) if found else None


class Results:
    def __init__(self):
        self.cells = {}
        self.conditions = {row["key"]: row for row in read("conditions.tsv")}
        for row in read("kept.tsv"):
            cell = self.cell(row)
            cell.kept[row["what"]] = row["text"]
            self.under(cell, row)
        for path in sorted(glob.glob(os.path.join(RESULTS, "*.tsv"))):
            if os.path.basename(path) not in ("kept.tsv", "conditions.tsv"):
                self.add(read(os.path.basename(path)))

    def add(self, rows):
        for row in rows:
            cell = self.cell(row)
            # What has been measured again takes the place of what was kept; a row of sizes alone measures no time.
            if row["wall"] and cell.kept:
                cell.kept, cell.conditions = {}, []
            cell.runs[row["program"]].append(row)
            self.under(cell, row)

    def cell(self, row):
        key = row["bench"], row["case"], row["setting"]
        if key not in self.cells:
            self.cells[key] = Cell(*key)
        return self.cells[key]

    def under(self, cell, row):
        key = row["conditions"]
        if key not in self.conditions:
            raise SystemExit(f"results: {cell.bench}, {cell.case}: no conditions {key!r} in conditions.tsv")
        if key not in cell.conditions:
            cell.conditions.append(key)

    def of(self, bench):
        return [cell for cell in self.cells.values() if cell.bench == bench]


def seconds(value):
    if value < 0.1:
        # Two digits of what takes 48 ms are no 0.05 s.
        return f"{value * 1000:.1f} ms" if value < 0.01 else f"{value * 1000:.0f} ms"
    return f"{value:.2f} s" if value < 1 else f"{value:.1f} s" if value < 10 else f"{value:,.0f} s"


def megabytes(value):
    return f"{value:.1f} MB" if value < 10 else f"{value:,.0f} MB"


def ratio(value):
    return f"{value:.2f}" if value < 0.1 else f"{value:.1f}" if value < 20 else f"{value:.0f}"
