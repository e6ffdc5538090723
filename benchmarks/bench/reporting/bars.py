"""Ratios between contenders, and whether they reach what this project asks of itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of the repeats."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        return cls(median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.low:.3g} to {self.high:.3g})"


@dataclass(frozen=True)
class Bar:
    """A ratio or cost, and what it has to reach.

    Attributes:
        what: in words.
        limit: to reach; None where it is told for comparison alone.
        at_least: whether the limit is the smallest good value; else it is the largest.
        measured: None where a contender was not measured.
    """

    what: str
    limit: float | None
    at_least: bool
    measured: Spread | None

    @property
    def verdict(self) -> str:
        """``met``, ``short``, ``not measured``, or nothing where there is no limit."""
        if self.measured is None:
            return "not measured"
        if self.limit is None:
            return ""
        reached = self.measured.median >= self.limit if self.at_least else self.measured.median <= self.limit
        return "met" if reached else "short"


def bars(rows: Sequence[Row]) -> list[Bar]:
    """All ratios, the ones with a limit first.

    Args:
        rows: of ``side_by_side``. Ratios are taken within a round.
    """
    rounds: defaultdict[str, dict[int, Row]] = defaultdict(dict)
    for row in rows:
        rounds[row["name"]][row["repeat"]] = row

    def ratio(
        above: str, below: str, value: Callable[[Row], float] = lambda row: float(row["frames_per_s"])
    ) -> Spread | None:
        common = sorted(rounds[above].keys() & rounds[below].keys())
        found = [value(rounds[above][r]) / value(rounds[below][r]) for r in common]
        return Spread.of(found) if found else None

    def server_ms(name: str) -> Spread | None:
        found = [row["core_ms_per_frame"].get("main", 0.0) for row in rounds[name].values()]
        return Spread.of(found) if found else None

    one = ratio("a-one", "b-one", lambda row: float(row["p50_s"]))
    return [
        Bar("(a) from PNG / (b), frames/s", 3.0, True, ratio("a-png", "b-png")),
        Bar("(a) from prepared frames / (b), frames/s", 4.0, True, ratio("a-prepared", "b-png")),
        Bar("(a) from prepared frames / (c), frames/s", 1.2, True, ratio("a-prepared", "c")),
        Bar("(a) from arrays of 600x400 / (d), frames/s", 8.0, True, ratio("a-client", "d")),
        Bar("(a) from prepared frames / (f), frames/s", 0.35, True, ratio("a-prepared", "f")),
        Bar("server process from PNG, core-ms a frame", 3.0, False, server_ms("a-png")),
        Bar("server process from prepared frames, core-ms a frame", 3.0, False, server_ms("a-prepared")),
        Bar("one frame, one under way: p50 of (a) / p50 of (b)", 1.0, False, one),
        Bar("(a) from PNG / (c), frames/s", None, True, ratio("a-png", "c")),
        Bar("(a) from PNG / (f), frames/s", None, True, ratio("a-png", "f")),
        Bar("(a) from arrays of 600x400 / (b), frames/s", None, True, ratio("a-client", "b-png")),
        Bar("both from prepared frames: (a) / (b), frames/s", None, True, ratio("a-prepared", "b-prepared")),
        Bar("(a) from PNG / (e), frames/s", None, True, ratio("a-png", "e-png")),
    ]
