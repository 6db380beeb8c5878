"""Plots of what a lab's programs print: a line of four words is a point.

    rtt measured 40.3 6.51        the plot, the line it belongs to, x and y

Such lines are in the output for whoever reads it, so a plot needs no channel of its own, and a recording has
it too. It shows what a pod printed: nothing is proven by it.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from curriculum.schema import told
from curriculum.text import Text

MOST_POINTS = 2000  # of one plot; what comes later is left out
LONGEST_LINE = 200  # characters: no point takes more

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Plot:
    title: Text = told("what it shows")
    x: Text = told("what the horizontal axis counts, with its unit")
    y: Text = told("what the vertical axis counts, with its unit")
    scale: str = told("of both axes", default="linear", enum=["linear", "log"])
    lines: dict[str, Text] = told("names of the lines, by the word that the output has for each")


@dataclass(frozen=True)
class Row:
    """Of a plot's table: an x, and the y of each line, or None."""

    x: float
    values: tuple[float | None, ...]


def points_in(output: str, key: str, plot: Plot) -> Mapping[str, list[Point]]:
    """By line, the points of one output, as they came."""
    found: dict[str, list[Point]] = {line: [] for line in plot.lines}
    for text in output.splitlines():
        words = text.split() if len(text) <= LONGEST_LINE else []
        if len(words) == 4 and words[0] == key and words[1] in found:
            x, y = _number(words[2]), _number(words[3])
            if x is not None and y is not None and (plot.scale == "linear" or min(x, y) > 0):
                found[words[1]].append((x, y))
    return found


def rows_of(outputs: Iterable[str], key: str, plot: Plot) -> list[Row]:
    """The table of all outputs' points by x; of two at one place of a line the later one counts."""
    at: dict[float, dict[str, float]] = {}
    count = 0
    for output in outputs:
        for line, points in points_in(output, key, plot).items():
            for x, y in points[: MOST_POINTS - count]:
                at.setdefault(x, {})[line] = y
                count += 1
    return [Row(x, tuple(at[x].get(line) for line in plot.lines)) for x in sorted(at)]


def _number(word: str) -> float | None:
    try:
        number = float(word)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
