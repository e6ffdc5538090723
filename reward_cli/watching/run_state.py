"""What a run's files say so far. It reads only, and takes files as they are while somebody writes them.

Not for how it looks (``view.py``).
"""

from __future__ import annotations

import base64
import math
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from agent.config import ConfigError, task_of
from agent.recording.run_folder import CONFIG, LABELS, METRICS, NEWEST_FRAMES, SUMMARY
from reward_cli.run_choice import RowReader, read_json
from reward_tasks.task import Task, TaskError

WARN_EVERY_S = 10.0
"""Time between two looks for warnings, which go through all labels."""


def is_number(value: float | None) -> TypeGuard[float]:
    """Whether there is a value, and it is finite: a task of a user's own may have others.

    >>> [is_number(value) for value in (0.0, None, float("nan"))]
    [True, False, False]
    """
    return value is not None and math.isfinite(value)


class RunState:
    """A run's files, read as far as they are written.

    Args:
        folder: of the run.

    Attributes:
        folder: the same.
        options: of the run.
        labels: the rows of ``labels.jsonl``, without their probabilities.
        metrics: those of ``metrics.jsonl``.
        summary: what ``summary.json`` holds; None while the run goes on.
        warnings: sentences on the answers so far.
        frames: the newest frames with their labels, oldest first, the picture as ``image``, a data URL; of a
            run that kept none, its samples.
        frames_are_newest: whether they are the newest ones, and not samples.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.options: Mapping[str, Any] = {}
        self._labels, self._metrics = RowReader(folder / LABELS), RowReader(folder / METRICS)
        self.summary: dict[str, Any] | None = None
        self.warnings: list[str] = []
        self.frames: list[dict[str, Any]] = []
        self.frames_are_newest = True
        self._frames_at = -1
        self._config: dict[str, Any] = {}
        self._warned_at, self._warned_labels = -WARN_EVERY_S, 0

    @property
    def labels(self) -> list[dict[str, Any]]:
        """The rows of ``labels.jsonl`` so far."""
        return self._labels.rows

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The rows of ``metrics.jsonl`` so far."""
        return self._metrics.rows

    def refresh(self) -> None:
        """Reads what is new."""
        self._config = read_json(self.folder / CONFIG) or self._config
        self.options = self._config.get("options", {})
        known = len(self.labels)
        self._labels.read()
        for row in self.labels[min(known, len(self.labels)) :]:
            row.pop("probabilities", None)  # most of a row, and not shown
        self._metrics.read()
        self.summary = self._summary()
        self._read_frames()
        self._warn()

    def series(self, name: str) -> list[float]:
        """The finite values of a metric in the order in which they were written."""
        return [value for _, value in self.points(name)]

    def points(self, name: str) -> list[tuple[float, float]]:
        """The same with the step of each value."""
        return [(row.get("step", 0), row[name]) for row in self.metrics if is_number(row.get(name))]

    @property
    def planned_steps(self) -> int:
        """Steps that the run is to take; 0 where its configuration does not say."""
        return int(self.options.get("env_steps") or 0)

    @property
    def share_done(self) -> float:
        """Share of the planned steps that is over."""
        return min(1.0, self.steps / self.planned_steps) if self.planned_steps else 0.0

    @property
    def solved_return(self) -> float | None:
        """From which mean return the task is solved; None where the task cannot be found here."""
        try:
            return self._task().solved_return
        except (ConfigError, KeyError, TypeError, TaskError, ValueError):
            return None

    @property
    def steps(self) -> int:
        """Steps of the run so far."""
        return max((row.get("step", 0) for row in (*self.labels[-1:], *self.metrics[-1:])), default=0)

    @property
    def answers(self) -> Counter[str]:
        """How often each answer was given."""
        return Counter(text for row in self.labels if (text := (row.get("text") or "").strip()))

    @property
    def statuses(self) -> Counter[str]:
        """How many labels have each status."""
        return Counter(row.get("status", "?") for row in self.labels)

    @property
    def rewards(self) -> list[float]:
        """The server's rewards, without those that are null."""
        return [row["reward"] for row in self.labels if row.get("reward") is not None]

    def silent_s(self) -> float:
        """Time since something was written."""
        times = [path.stat().st_mtime for name in (LABELS, METRICS) if (path := self.folder / name).exists()]
        return max(0.0, time.time() - max(times, default=time.time()))

    def _summary(self) -> dict[str, Any] | None:
        """The summary, but not the one of an attempt that broke off and that the run goes on from."""
        path = self.folder / SUMMARY
        found = read_json(path)
        if found is None or found.get("error") is None:
            return found
        metrics = self.folder / METRICS
        is_older = metrics.exists() and path.stat().st_mtime_ns < metrics.stat().st_mtime_ns
        return None if is_older else found

    def _read_frames(self) -> None:
        newest = self.folder / NEWEST_FRAMES
        if newest.is_file():
            changed_at = newest.stat().st_mtime_ns
            if changed_at != self._frames_at and (content := read_json(newest)) is not None:
                self.frames, self._frames_at = content.get("frames", []), changed_at
            self.frames_are_newest = True
        elif not self.frames:
            self.frames, self.frames_are_newest = self._samples(), False

    def _samples(self) -> list[dict[str, Any]]:
        reader = RowReader(self.folder / "samples" / "samples.jsonl")
        reader.read()
        marked = self.folder / "samples_marked"
        return [
            {**row, "image": f"data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()}"}
            for row in reader.rows
            if (file := marked / str(row.get("file"))).is_file()
        ]

    def _warn(self) -> None:
        if self.summary is not None and "warnings" in self.summary:
            self.warnings = self.summary["warnings"]
            return
        now = time.monotonic()
        if not self.labels or now - self._warned_at < WARN_EVERY_S or len(self.labels) == self._warned_labels:
            return
        from agent.reporting.findings import findings  # noqa: PLC0415 - SciPy takes seconds to import

        self._warned_at, self._warned_labels = now, len(self.labels)
        try:
            self.warnings = findings(self.labels, self._config, self._task(), None)["warnings"]
        except (ConfigError, KeyError, TypeError, ValueError) as error:  # of another version, or damaged
            self.warnings = [f"the labels cannot be judged here: {error}"]

    def _task(self) -> Task:
        return task_of(dict(self.options))
