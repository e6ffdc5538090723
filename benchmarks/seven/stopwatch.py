"""Times work on a device within a time budget, and keeps the rows: a table line and JSON after each.

Not for what is measured (``gpu_pass.py``).
"""

from __future__ import annotations

import json
import statistics
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

REPEATS = 5


class OutOfTimeError(Exception):
    """The time budget is spent; what was measured is kept."""


@dataclass(frozen=True)
class Times:
    """Seconds of each repeat of the same work.

    Attributes:
        seconds: in the order of the repeats; at least one.
    """

    seconds: tuple[float, ...]

    @property
    def median_s(self) -> float:
        """Median."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """Slowest less fastest, as a share of the median."""
        return (max(self.seconds) - min(self.seconds)) / self.median_s


@dataclass
class Report:
    """Rows as they come, and the clock that says when to stop.

    Attributes:
        budget_s: seconds from the report's beginning after which no further row is begun.
        path: JSON file that is written after each row; None: none.
        facts: about the machine and the model.
        rows: measured rows, each with its section and name.
        errors: what failed, each with its section.
        started_s: monotonic time of the beginning.
    """

    budget_s: float
    path: Path | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, str]] = field(default_factory=list)
    started_s: float = field(default_factory=time.monotonic)

    def left_s(self) -> float:
        """Seconds that are left."""
        return self.budget_s - (time.monotonic() - self.started_s)

    def measure(self, work: Callable[[], object], repeats: int = REPEATS, warm_ups: int = 1) -> Times:
        """Times work; fewer repeats, at least one, where the budget ends.

        Args:
            work: what is timed; its result is thrown away.
            repeats: timed ones.
            warm_ups: untimed ones before.

        Raises:
            OutOfTimeError: the budget is spent before the first repeat.
        """
        for _ in range(warm_ups):
            self.check()
            work()
        synchronise()
        seconds: list[float] = []
        while len(seconds) < repeats and (not seconds or self.left_s() > 0):
            seconds.append(_timed(work))
        return Times(tuple(seconds))

    def check(self, needed_s: float = 0.0) -> None:
        """Stops where less time is left than is needed.

        Raises:
            OutOfTimeError: so it is.
        """
        if self.left_s() <= needed_s:
            raise OutOfTimeError(f"{self.left_s():.0f} s of {self.budget_s:.0f} s are left")

    def add(self, section: str, name: str, times: Times | None = None, **values: float | str) -> None:
        """Keeps a row, prints it and writes the file."""
        row: dict[str, Any] = {"section": section, "name": name}
        if times is not None:
            row |= {"median_s": times.median_s, "spread": times.spread, "repeats": len(times.seconds)}
        row |= values
        self.rows.append(row)
        print(f"{section:<16} {name:<40} " + "  ".join(_shown(row)), flush=True)
        self._write()

    def run(self, section: str, work: Callable[[], None]) -> None:
        """Runs a section; what it raises is printed and kept, and the next section goes on."""
        try:
            self.check()
            work()
        except Exception as error:  # noqa: BLE001 # one section's failure must not cost the others
            kind = "stopped" if isinstance(error, OutOfTimeError) else "failed"
            self.errors.append(
                {"section": section, "kind": kind, "error": f"{type(error).__name__}: {error}"}
            )
            print(f"{section:<16} {kind}: {type(error).__name__}: {error}", flush=True)
            if kind == "failed":
                traceback.print_exc()
        finally:
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            self._write()

    def as_json(self) -> str:
        """Everything, as one JSON document."""
        elapsed_s = time.monotonic() - self.started_s
        content = {"facts": self.facts, "elapsed_s": elapsed_s, "rows": self.rows, "errors": self.errors}
        return json.dumps(content, indent=1)

    def _write(self) -> None:
        if self.path is not None:
            self.path.write_text(self.as_json())


def synchronise() -> None:
    """Waits until the GPU has done what it was given, where there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _timed(work: Callable[[], object]) -> float:
    """Seconds of one run, between two CUDA events where there is a GPU (which holds the launches' gaps)."""
    if not torch.cuda.is_available():
        begun_s = time.perf_counter()
        work()
        return time.perf_counter() - begun_s
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    work()
    end.record()
    torch.cuda.synchronize()
    return float(begin.elapsed_time(end)) / 1_000


def _shown(row: dict[str, Any]) -> list[str]:
    return [
        f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in row.items()
        if key not in {"section", "name"}
    ]
