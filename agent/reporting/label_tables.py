"""Counts a run's labels into tables: errors by group, answers, statuses, and what is missing where.

Not for pictures (``label_plots.py``) or sentences (``findings.py``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.reporting.measures import (
    Labels,
    agreement_of,
    error,
    labels_of,
    mean_error,
    ranges,
    sign_accuracy,
    value_pairs,
    wanted,
)
from agent.reporting.wording import hundredths, percent, quoted
from reward_tasks.task import Column, Task

SHOWN_ANSWERS = 15
"""The most frequent ones; the others count together."""

NULL_RANGES = 8
"""Of the first column, for how often a reward is missing."""

Rows = Sequence[Mapping[str, Any]]
Table = tuple[list[str], list[list[str]]]


def error_table(rows: Rows, task: Task) -> Table:
    """How well frames were read: all, those that matter most, and those whose picture hides something.

    Args:
        rows: the records of ``labels.jsonl``.
        task: knows the truth, and what a picture shows.

    Returns:
        The head, and a row for each group in which there are frames.
    """
    labels = labels_of(rows, task)
    read = [column for column in task.columns if len(value_pairs(rows, column))]
    truth, name = wanted(task, labels.truth)
    head = ["", "frames", "no reward", f"τ_b of reward and {name or 'perfect reward'}"]
    for column in read:
        head += [f"mean absolute error of {column.title}", "side right"]
    body = []
    for title, here in _groups(labels, task):
        if not here.any():
            continue
        agreement = agreement_of(labels.rewards[here], truth[here]).tau_b
        some = [row for row, inside in zip(rows, here, strict=True) if inside]
        body.append(
            [
                title,
                str(len(some)),
                percent(float((~labels.scored[here]).mean())),
                "not defined" if agreement is None else hundredths(agreement),
                *(cell for column in read for cell in _reading(some, column)),
            ]
        )
    return head, body


def answer_bars(rows: Rows) -> list[tuple[str, float, str]]:
    """The most frequent answers: each with its length beside the longest, and its count and share."""
    counts = Counter(text for row in rows if (text := (row["text"] or "").strip()))
    shown = [(quoted(text), count) for text, count in counts.most_common(SHOWN_ANSWERS)]
    others = counts.total() - sum(count for _, count in shown)
    if others:
        shown.append((f"{len(counts) - SHOWN_ANSWERS} others", others))
    longest = max((count for _, count in shown), default=0)
    return [(text, count / longest, f"{count} ({percent(count / counts.total())})") for text, count in shown]


def status_table(rows: Rows) -> Table:
    """Each status with its frames and its most frequent message."""
    body = []
    for status, count in Counter(row["status"] for row in rows).most_common():
        messages = Counter(row["message"] for row in rows if row["status"] == status and row.get("message"))
        body.append([status, str(count), messages.most_common(1)[0][0] if messages else ""])
    return ["status", "frames", "most frequent message"], body


def null_table(rows: Rows, task: Task) -> Table:
    """How often a reward is missing: by the truth, in ranges with about equally many frames, and at ends."""
    labels, column = labels_of(rows, task), task.columns[0]
    null, true = ~labels.scored, labels.truth[column.name]
    ends, place = ranges(true, NULL_RANGES)
    groups = [
        (f"{ends[k]:.3g} to {ends[min(k + 1, len(ends) - 1)]:.3g}", place == k)
        for k in range(int(place.max()) + 1)
    ]
    if labels.terminated is not None:
        groups.append(("at the end of an episode", labels.terminated))
    body = [[name, str(here.sum()), percent(float(null[here].mean()))] for name, here in groups if here.any()]
    unit = f" ({column.unit})" if column.unit else ""
    return [f"true {column.title}{unit}", "frames", "without a reward"], body


def _groups(labels: Labels, task: Task) -> list[tuple[str, NDArray[np.bool_]]]:
    """Which frames are told apart: ``(N,)`` masks with their names."""
    groups = [("all frames", np.ones(len(labels.steps), dtype=np.bool_))]
    for column in task.columns:
        if column.near is not None:
            size = np.abs(error(labels.truth[column.name], 0.0, column.period))
            title = f"true {column.title} within {column.near:g} {column.unit or ''}".strip()
            groups.append((title, size <= column.near))
    visible = task.fully_visible(labels.truth)
    if not visible.all():
        groups += [("fully visible", visible), ("partly outside the picture", ~visible)]
    return groups


def _reading(rows: Rows, column: Column) -> tuple[str, str]:
    """The error and the side of what was read of a column."""
    pairs = value_pairs(rows, column)
    if not len(pairs):
        return "nothing read", ""
    sign = sign_accuracy(pairs)
    shown = "no side" if sign is None else f"{100 * sign:.1f} %"
    return f"{mean_error(pairs, column.period):.2f} {column.unit}", shown
