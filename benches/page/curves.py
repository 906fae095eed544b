"""What benches/growth measured: a step (such as `backup`) at several sizes. Rows have the case `NAME: STEP` and the setting `NAME=SIZE`."""
import collections
import math

import results
from results import OURS, THEIRS

PANELS = (("wall", "seconds"), ("cpu", "CPU seconds"), ("peak", "memory in MB"))


def steps(cells, name):
    """step: size: cell."""
    found = collections.defaultdict(dict)
    for cell in cells:
        case, _, step = cell.case.partition(": ")
        if case == name:
            found[step][float(cell.setting.partition("=")[2])] = cell
    return {step: dict(sorted(by_size.items())) for step, by_size in found.items()}


def panels(found):
    return {step: [(title, series) for figure, title in PANELS if (series := lines(by_size, figure))] for step, by_size in found.items()}


def lines(by_size, figure):
    series = {}
    for program in (OURS, THEIRS):
        points = []
        for size, cell in by_size.items():
            values = cell.values(program, figure)
            if values:
                # Below a hundredth of a second nothing is told apart.
                low, middle, high = (max(value, 0.01) for value in (min(values), cell.median(program, figure), max(values)))
                points.append((size, low, middle, high))
        if points:
            series[program] = points
    return series


def power(by_size, program, figure):
    """With which power of the size a figure grows, between the two largest."""
    points = [(size, cell.median(program, figure)) for size, cell in by_size.items()]
    points = [point for point in points if point[1]]
    if len(points) < 2 or points[-1][0] == points[-2][0]:
        return ""
    (before, small), (after, large) = points[-2:]
    return f"{math.log(large / small) / math.log(after / before):.1f}"


def table(found, along):
    sizes = sorted({size for by_size in found.values() for size in by_size})
    head = f"| {along} | " + " | ".join(f"{size:,g}" if size < 1e6 else f"{size:,.0f}" for size in sizes) + " | grows as the power |"
    rows = [head, "|---" * (len(sizes) + 2) + "|"]
    for step, by_size in found.items():
        cells = []
        for size in sizes:
            cell = by_size.get(size)
            ours, theirs = (cell and cell.median(program, "wall") for program in (OURS, THEIRS))
            cells.append(" / ".join(results.seconds(value) for value in (ours, theirs) if value))
        powers = [power(by_size, program, "wall") for program in (OURS, THEIRS)]
        rows.append(f"| {step} | " + " | ".join(cells) + " | " + " / ".join(word for word in powers if word) + " |")
    return "Wall time of pgkeep / pgBackRest. The power is that between the last two points: 1 is as the work, 0 not at all.\n\n" + "\n".join(rows)
