"""A sweep's curves as the coordinates of a drawing: read against true, and rewards. Pure functions.

Not for asking (``asking.py``), nor for colours, which are the page's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

WIDTH, HEIGHT = 420, 250
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 12, 34
"""Margins of a panel, where its axes are written."""

_TICKS = 5
Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """One curve of a panel.

    Attributes:
        name: for a class of the page's style: ``a``, ``b`` or ``true``.
        x: what is true, ``(N,)``.
        y: what came of it; None where nothing did.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float | None]


@dataclass(frozen=True)
class Tick:
    """A mark of an axis: where it stands, and what is written there."""

    at: float
    text: str


@dataclass(frozen=True)
class Drawn:
    """A curve in a panel's coordinates.

    Attributes:
        name: as ``Line.name``.
        runs: the points between two gaps, each as a polyline's text.
        dots: all points that have a value.
        gaps: where along the panel there is none.
    """

    name: str
    runs: list[str]
    dots: list[Point]
    gaps: list[float]


@dataclass(frozen=True)
class Panel:
    """One drawing.

    Attributes:
        title: what it shows.
        x_title: below its horizontal axis.
        lines: its curves.
        x_ticks: along the horizontal axis.
        y_ticks: along the vertical axis.
        note: why there is no curve; None where there is one.
    """

    title: str
    x_title: str
    lines: list[Drawn] = field(default_factory=list)
    x_ticks: list[Tick] = field(default_factory=list)
    y_ticks: list[Tick] = field(default_factory=list)
    note: str | None = None


def panel(title: str, x_title: str, lines: Sequence[Line], y_range: tuple[float, float] | None) -> Panel:
    """Draws curves into one panel.

    Args:
        title: what the panel shows.
        x_title: of its horizontal axis.
        lines: the curves; they share their ``x``.
        y_range: that the vertical axis shows at least; None: only what the curves need.
    """
    values = [value for line in lines if line.name != "true" for value in line.y if value is not None]
    if not values:
        return Panel(title, x_title, note="no frame gave a value")
    xs = [x for line in lines for x in line.x]
    values += [value for line in lines if line.name == "true" for value in line.y if value is not None]
    low, high = _widened(min([*values, *(y_range or ())]), max([*values, *(y_range or ())]))
    left, right = _widened(min(xs), max(xs))

    def at_x(x: float) -> float:
        return round(LEFT + (x - left) / (right - left) * (WIDTH - LEFT - RIGHT), 1)

    def at_y(y: float) -> float:
        return round(HEIGHT - BOTTOM - (y - low) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    drawn = []
    for line in lines:
        points = [(at_x(x), None if y is None else at_y(y)) for x, y in zip(line.x, line.y, strict=True)]
        dots = [(x, y) for x, y in points if y is not None]
        drawn.append(Drawn(line.name, _runs(points), dots, [x for x, y in points if y is None]))
    return Panel(
        title,
        x_title,
        drawn,
        [Tick(at_x(tick), f"{tick:g}") for tick in ticks(left, right)],
        [Tick(at_y(tick), f"{tick:g}") for tick in ticks(low, high)],
    )


def ticks(low: float, high: float) -> list[float]:
    """Round numbers from low to high, about five.

    >>> ticks(-30.0, 30.0)
    [-20.0, 0.0, 20.0]
    >>> ticks(0.0, 1.0)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    rough = (high - low) / _TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(times * size for times in (1, 2, 5, 10) if times * size >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return [round((first + place) * step, 10) + 0.0 for place in range(count)]


def _widened(low: float, high: float) -> tuple[float, float]:
    """A range that has a length, also beside numbers so large that a small one does not change them."""
    least = 1e-9 * max(1.0, abs(low), abs(high))
    return (low, high) if high - low > least else (low - 5e8 * least, high + 5e8 * least)


def _runs(points: Iterable[tuple[float, float | None]]) -> list[str]:
    runs: list[list[str]] = [[]]
    for x, y in points:
        if y is None:
            runs.append([])
        else:
            runs[-1].append(f"{x:g},{y:g}")
    return [" ".join(run) for run in runs if len(run) > 1]
