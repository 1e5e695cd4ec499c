"""Two plots as SVG: python3 plot.py FILE FOLDER

`questions.svg` shows what each question costs at L, `growth.svg` what it costs by the number of conversations."""

import math
import sys

from report import QUESTIONS, median, read

COLOURS = {
    "visibly": "#0b6e4f", "bitset": "#888888", "roaring": "#c58b00", "sqlite": "#2b6cb0", "pg": "#6b46c1",
    "cedar": "#c53030", "casbin": "#d53f8c",
}
GROWTH = {"1e4": 1e4, "1e5": 1e5, "1e6": 1e6, "1e7": 1e7}
SHORT = {
    "Q1": "can_view", "Q2": "all", "Q3": "assigned to me", "Q4": "3 common tags", "Q4s": "3 rare tags",
    "Q5": "12 badges", "Q6": "every visible", "Q7": "audience", "Q8": "message + all",
}


def label(ns):
    for limit, unit, name in ((1e3, 1, "ns"), (1e6, 1e3, "µs"), (1e9, 1e6, "ms"), (1e18, 1e9, "s")):
        if ns < limit:
            return f"{ns / unit:g} {name}"


class Svg:
    def __init__(self, width, height):
        self.size = (width, height)
        self.parts = [f'<rect width="{width}" height="{height}" fill="white"/>']

    def text(self, x, y, text, anchor="start", colour="#222", size=12):
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}">{text}</text>')

    def line(self, points, colour, width=1.0):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>')

    def dot(self, x, y, colour):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')

    def write(self, path):
        w, h = self.size
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" font-family="sans-serif">'
        open(path, "w").write("\n".join([head, *self.parts, "</svg>"]) + "\n")


def scale(values, start, end):
    """A log scale over whole decades: the mapping and its ticks."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    step = (end - start) / max(high - low, 1)
    return (lambda v: start + (math.log10(v) - low) * step), [10.0**k for k in range(low, high + 1)]


def legend(svg, names, x, y):
    for i, name in enumerate(names):
        svg.dot(x + 90 * i, y - 4, COLOURS[name])
        svg.text(x + 90 * i + 9, y, name)


def questions(engines, path):
    names = [n for n in COLOURS if n in engines]
    cost = {(q, n): median(engines[n], q) for q in SHORT for n in names}
    svg = Svg(860, 420)
    at, ticks = scale([v for v in cost.values() if v], 150, 830)
    svg.text(20, 22, "Median cost of a question at 1,000,000 conversations (log scale)", size=14)
    legend(svg, names, 160, 46)
    for tick in ticks:
        svg.line([(at(tick), 60), (at(tick), 385)], "#ddd")
        svg.text(at(tick), 404, label(tick), "middle")
    for i, q in enumerate(SHORT):
        y = 80 + 36 * i
        svg.text(140, y + 4, SHORT[q], "end")
        svg.line([(150, y), (830, y)], "#eee")
        for n in names:
            if cost[q, n]:
                svg.dot(at(cost[q, n]), y, COLOURS[n])
    svg.write(path)


def growth(got, path):
    sizes = [s for s in GROWTH if s in got]
    shown = [q for q in SHORT if q in ("Q1", "Q2", "Q4s", "Q5", "Q6", "Q8")]
    names = [n for n in COLOURS if any(n in got[s] for s in sizes)]
    svg = Svg(900, 620)
    svg.text(20, 22, "Median cost by number of conversations (200 teammates, both scales log)", size=14)
    legend(svg, names, 30, 46)
    for i, q in enumerate(shown):
        left, top = 70 + 290 * (i % 3), 85 + 270 * (i // 3)
        cost = {(s, n): median(got[s][n], q) for s in sizes for n in names if n in got[s]}
        x, _ = scale([GROWTH[s] for s in sizes], left, left + 210)
        y, ticks = scale([v for v in cost.values() if v], top + 200, top)
        svg.text(left, top - 10, SHORT[q], size=13)
        for tick in ticks:
            svg.line([(left, y(tick)), (left + 210, y(tick))], "#ddd")
            svg.text(left - 6, y(tick) + 4, label(tick), "end", size=10)
        for s in sizes:
            svg.text(x(GROWTH[s]), top + 216, f"10^{round(math.log10(GROWTH[s]))}", "middle", size=10)
        for n in names:
            points = [(x(GROWTH[s]), y(cost[s, n])) for s in sizes if cost.get((s, n))]
            svg.line(points, COLOURS[n], 1.6)
            for point in points:
                svg.dot(*point, COLOURS[n])
    svg.write(path)


def main():
    got = read(sys.argv[1])
    if "L" in got:
        questions(got["L"], f"{sys.argv[2]}/questions.svg")
    if any(s in got for s in GROWTH):
        growth(got, f"{sys.argv[2]}/growth.svg")


if __name__ == "__main__":
    main()
