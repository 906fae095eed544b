"""Bar charts and curves as SVG, readable on light and dark pages; nothing but text."""
import math
from html import escape

STYLE = """<style>
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 14px }
.small { font-size: 11px; fill: #57606a }
.grid { stroke: #d0d7de; stroke-width: 1 }
.axis { stroke: #57606a; stroke-width: 1 }
.spread { stroke: #24292f; stroke-width: 1.5 }
.pgkeep { fill: #0969da; stroke: #0969da }
.pgbackrest { fill: #bc4c00; stroke: #bc4c00 }
.line { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.small { fill: #9da7b3 }
.grid { stroke: #3d444d }
.axis { stroke: #9da7b3 }
.spread { stroke: #e6edf3 }
.pgkeep { fill: #58a6ff; stroke: #58a6ff }
.pgbackrest { fill: #f0883e; stroke: #f0883e }
}
</style>"""
WIDTH, LEFT, RIGHT, ROW = 760, 290, 60, 20
PANEL, PANEL_HEIGHT, PANEL_LEFT = 250, 190, 48


def svg(width, height, parts, title):
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" role="img">',
                      f"<title>{escape(title)}</title>", STYLE, *parts, "</svg>", ""])


def text(x, y, words, anchor="start", kind=""):
    kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}>{escape(words)}</text>'


def line(x1, y1, x2, y2, kind):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def bars(title, rows):
    """Ratios, on a scale where twice and half are equally far from 1. `rows`: label, value, lowest, highest."""
    low = min(0.8, *(row[2] for row in rows))
    high = max(2.0, *(row[3] for row in rows))

    def x(value):
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(value / low) / math.log(high / low)

    top, bottom = 44, 50 + ROW * len(rows)
    parts = [text(8, 20, title, kind="title"), text(8, 38, "pgBackRest's time by pgkeep's; right of 1 pgkeep is faster", kind="small")]
    tick = 2.0 ** math.ceil(math.log2(low))
    while tick <= high:
        parts += [line(x(tick), top, x(tick), bottom, "axis" if tick == 1 else "grid"), text(x(tick), bottom + 14, f"{tick:g}", "middle", "small")]
        tick *= 2
    for number, (label, value, least, most) in enumerate(rows):
        y = top + 6 + ROW * number
        begin, end = sorted((x(1), x(value)))
        kind = "pgkeep" if value >= 1 else "pgbackrest"
        parts += [text(LEFT - 8, y + 11, label, "end"), f'<rect x="{begin:.1f}" y="{y:.1f}" width="{max(end - begin, 1):.1f}" height="14" class="{kind}"/>']
        if most > least:
            parts.append(line(x(least), y + 7, x(most), y + 7, "spread"))
        parts.append(text(max(x(most), end, x(1)) + 5, y + 11, f"{value:.1f}", kind="small"))
    return svg(WIDTH, bottom + 24, parts, title)


def powers(low, high):
    """The powers of ten around a range."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    return first, max(last, first + 1)


def short(value):
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:g}"


def panel(left, top, title, series):
    """One pair of logarithmic axes. `series`: program: points of (x, lowest, median, highest)."""
    points = [point for found in series.values() for point in found]
    width, height = PANEL - PANEL_LEFT - 12, PANEL_HEIGHT - 62
    first_x, last_x = powers(min(p[0] for p in points), max(p[0] for p in points))
    first_y, last_y = powers(min(p[1] for p in points), max(p[3] for p in points))
    x0, y0 = left + PANEL_LEFT, top + 26 + height

    def x(value):
        return x0 + width * (math.log10(value) - first_x) / (last_x - first_x)

    def y(value):
        return y0 - height * (math.log10(value) - first_y) / (last_y - first_y)

    parts = [text(x0, top + 16, title, kind="small")]
    for power in range(first_x, last_x + 1):
        parts += [line(x(10.0**power), y0, x(10.0**power), y0 - height, "grid"), text(x(10.0**power), y0 + 14, short(10.0**power), "middle", "small")]
    for power in range(first_y, last_y + 1):
        parts += [line(x0, y(10.0**power), x0 + width, y(10.0**power), "grid"), text(x0 - 5, y(10.0**power) + 4, short(10.0**power), "end", "small")]
    parts += [line(x0, y0, x0 + width, y0, "axis"), line(x0, y0, x0, y0 - height, "axis")]
    for program, found in series.items():
        path = " ".join(f"{'L' if number else 'M'}{x(p[0]):.1f} {y(p[2]):.1f}" for number, p in enumerate(found))
        parts.append(f'<path d="{path}" class="{program} line"/>')
        for value, least, middle, most in found:
            parts.append(f'<circle cx="{x(value):.1f}" cy="{y(middle):.1f}" r="3" class="{program}"/>')
            if most > least:
                parts.append(line(x(value), y(least), x(value), y(most), program))
    return parts


def curves(title, along, steps):
    """`steps`: name: panels of (title, series); a row of panels for each step."""
    parts = [text(8, 20, title, kind="title"), text(8, 38, f"along the bottom: {along}; both axes logarithmic", kind="small")]
    for number, program in enumerate(("pgkeep", "pgbackrest")):
        x = 560 + 90 * number
        parts += [f'<rect x="{x}" y="10" width="12" height="12" class="{program}"/>', text(x + 17, 20, "pgkeep" if program == "pgkeep" else "pgBackRest")]
    top = 48
    for name, panels in steps.items():
        for number, (what, series) in enumerate(panels):
            parts += panel(number * PANEL, top, f"{name}: {what}", series)
        top += PANEL_HEIGHT
    return svg(WIDTH, top, parts, title)
