"""Counts a run's labels into tables: errors by group, answers, statuses, and what is missing where.

Not for pictures (``label_plots.py``) or sentences (``findings.py``).
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from agent.reporting.measures import (
    SIDE_FROM,
    Labels,
    agreement_of,
    error,
    ranges,
    status_counts,
    wanted,
)
from agent.reporting.wording import hundredths, percent, quoted, side_share
from reward_audit.measures.values import mean_absolute_error, side_accuracy
from reward_tasks.task import Column, Task

SHOWN_ANSWERS = 15
"""The most frequent ones; the others count together."""

NULL_RANGES = 8
"""Of the first column, for how often a reward is missing."""

Table = tuple[list[str], list[list[str]]]


def error_table(labels: Labels, task: Task) -> Table:
    """How well frames were read: all, those that matter most, and those whose picture hides something.

    Args:
        labels: of one run or of several.
        task: knows the truth, and what a picture shows.

    Returns:
        The head, and a row for each group in which there are frames.
    """
    read = [column for column in task.columns if not np.isnan(labels.readings(column)).all()]
    truth, name = wanted(task, labels.truth)
    head = ["", "frames", "no reward", f"τ_b of reward and {name or 'perfect reward'}"]
    for column in read:
        head += [f"mean absolute error of {column.title}", "side right"]
    body = []
    for title, here in _groups(labels, task):
        if not here.any():
            continue
        agreement = agreement_of(labels.rewards[here], truth[here]).tau_b
        body.append(
            [
                title,
                str(here.sum()),
                percent(float((~labels.scored[here]).mean())),
                "not defined" if agreement is None else hundredths(agreement),
                *(cell for column in read for cell in _reading(labels, here, column)),
            ]
        )
    return head, body


def answer_bars(labels: Labels) -> list[tuple[str, float, str]]:
    """The most frequent answers: each with its length beside the longest, and its count and share."""
    counts = Counter(answer for answer in labels.answers if answer is not None)
    shown = [(quoted(text), count) for text, count in counts.most_common(SHOWN_ANSWERS)]
    others = counts.total() - sum(count for _, count in shown)
    if others:
        shown.append((f"{len(counts) - SHOWN_ANSWERS} others", others))
    longest = max((count for _, count in shown), default=0)
    return [(text, count / longest, f"{count} ({percent(count / counts.total())})") for text, count in shown]


def status_table(labels: Labels) -> Table:
    """Each status with its frames and its most frequent message."""
    counts = status_counts(zip(labels.statuses, labels.messages, strict=True))
    body = [[one.status, str(one.frames), one.message or ""] for one in counts]
    return ["status", "frames", "most frequent message"], body


def null_table(labels: Labels, task: Task) -> Table:
    """How often a reward is missing: by the truth, in ranges with about equally many frames, and at ends."""
    column = task.columns[0]
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


def _reading(labels: Labels, here: NDArray[np.bool_], column: Column) -> tuple[str, str]:
    """The error and the side of what was read of a column, in some frames."""
    read, true = labels.readings(column)[here], labels.truth[column.name][here]
    mean = mean_absolute_error(read, true, column.period)
    if mean is None:
        return "nothing read", ""
    return f"{mean:.2f} {column.unit}", side_share(side_accuracy(read, true, SIDE_FROM))
