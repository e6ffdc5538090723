"""Measures a run's labels against the truth. Pure: rows in, numbers out.

Not for the errors of readings, which are measured as an audit does (``reward_audit/measures/values.py``), for
what the numbers mean (``findings.py``), or for pictures (``label_plots.py``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, kendalltau

from reward_tasks.task import Column, Task

TRUTH_BINS = 4
"""Ranges of a true value, with about equally many frames each, in which answers are counted."""

MIN_EXPECTED = 5
"""Frames that a cell of such a count is to expect at least: the usual rule for Pearson's test (Cochran 1954,
https://doi.org/10.2307/3001666). Answers that are rarer than that are counted together."""

P_VALUE = 0.01
"""Below it, answers that have nothing to do with the truth would rarely be counted as they were."""

NEGLIGIBLE_V = 0.1
"""Cramér's V below which a dependence is of no use, though many frames may prove it: Cohen's "small" effect
(Statistical Power Analysis for the Behavioral Sciences, 1988, chapter 7)."""


SIDE_FROM = 0.5
"""Size of a true value, in its unit, beyond which a reading on the other side of 0 counts as wrong."""


@dataclass(frozen=True)
class Labels:
    """What a run's N labels hold, in columns.

    Attributes:
        steps: ``(N,)`` int64, from 1.
        rewards: ``(N,)`` float64, the server's; NaN where there is none.
        values: ``(N,)`` float64, what was read; NaN where nothing was.
        units: of the values; None for none.
        answers: the model's own words; None where there are none.
        statuses: of the items.
        messages: of the server; None where there is none.
        truth: for each column of the task ``(N,)`` float64.
        terminated: ``(N,)`` bool, whether an episode ended at the frame, by its own rules; None where the
            rows do not say, as those of older runs.
    """

    steps: NDArray[np.int64]
    rewards: NDArray[np.float64]
    values: NDArray[np.float64]
    units: list[str | None]
    answers: list[str | None]
    statuses: list[str]
    messages: list[str | None]
    truth: dict[str, NDArray[np.float64]]
    terminated: NDArray[np.bool_] | None

    @property
    def scored(self) -> NDArray[np.bool_]:
        """``(N,)`` bool: frames with a reward."""
        return ~np.isnan(self.rewards)

    def readings(self, column: Column) -> NDArray[np.float64]:
        """``(N,)`` float64: the values that were read in a column's unit; NaN where none was."""
        if column.unit is None:
            return np.full(len(self.values), np.nan)
        return np.where([unit == column.unit for unit in self.units], self.values, np.nan)


def labels_of(rows: Sequence[Mapping[str, Any]], task: Task) -> Labels:
    """The records of ``labels.jsonl`` in columns; those of one run or of several."""
    tells_ends = bool(rows) and all(row.get("terminated") is not None for row in rows)
    return Labels(
        steps=np.array([row["step"] for row in rows], dtype=np.int64),
        rewards=_floats([row["reward"] for row in rows]),
        values=_floats([row["value"] for row in rows]),
        units=[row["unit"] for row in rows],
        answers=[(row["text"] or "").strip() or None for row in rows],
        statuses=[row["status"] for row in rows],
        messages=[row.get("message") or None for row in rows],
        truth={column.name: _floats([row[f"true_{column.name}"] for row in rows]) for column in task.columns},
        terminated=np.array([row["terminated"] for row in rows], dtype=np.bool_) if tells_ends else None,
    )


@dataclass(frozen=True)
class Agreement:
    """How well a reward orders frames.

    Attributes:
        tau_b: Kendall's τ_b (Kendall 1945); None where reward or truth never changes.
        pairs_in_order: share of the pairs of frames whose truth differs that the reward puts in the same
            order, where equal rewards count half: Somers' D (1962) from 0 to 1. A constant has 0.5. Unlike
            τ_b it reaches 1 where the truth is mostly the same. None where the truth never changes.
        p_value: how probable such a τ_b is by chance; 1 where there is none.
    """

    tau_b: float | None
    pairs_in_order: float | None
    p_value: float


def agreement_of(rewards: NDArray[np.float64], truth: NDArray[np.float64]) -> Agreement:
    """How well rewards order frames, over those that have one and whose truth is known.

    Args:
        rewards: ``(N,)``, NaN where there is none.
        truth: ``(N,)``, NaN where a perfect reward gives none.

    >>> agreement_of(np.array([0.1, 0.2, 0.9, np.nan]), np.array([1.0, 2.0, 3.0, 0.0])).tau_b
    1.0
    >>> agreement_of(np.ones(3), np.arange(3.0)).pairs_in_order
    0.5
    """
    kept = ~(np.isnan(rewards) | np.isnan(truth))
    rewards, truth = rewards[kept], truth[kept]
    differing_truth, differing_rewards = _differing(truth), _differing(rewards)
    if not differing_truth:
        return Agreement(None, None, 1.0)
    if not differing_rewards:
        return Agreement(None, 0.5, 1.0)
    test = kendalltau(rewards, truth, variant="b")
    somers_d = test.statistic * np.sqrt(differing_rewards / differing_truth)
    return Agreement(float(test.statistic), float((1 + somers_d) / 2), float(test.pvalue))


def _differing(values: NDArray[np.float64]) -> float:
    """Number of pairs of values that differ."""
    _, counts = np.unique(values, return_counts=True)
    return (len(values) ** 2 - float((counts.astype(np.float64) ** 2).sum())) / 2


def wanted(task: Task, truth: dict[str, NDArray[np.float64]]) -> tuple[NDArray[np.float64], str | None]:
    """What a reward is to agree with, and its name.

    Returns:
        ``(N,)``: the task's perfect reward, NaN where it gives none, whose name is None; of a task that
        does not tell it from the truth its first column, or where that has a period, how close the column
        is to 0.
    """
    perfect = task.oracle_of_truth(truth)
    if perfect is not None:
        return perfect, None
    column = task.columns[0]
    values = truth[column.name]
    if column.period is None:
        return values, column.title
    return -np.abs(error(values, 0.0, column.period)), f"closeness of {column.title} to 0"


def error(
    true: NDArray[np.float64], read: NDArray[np.float64] | float, period: float | None
) -> NDArray[np.float64]:
    """What is true less what was read, the short way round where values come again.

    >>> error(np.array([179.0]), np.array([-179.0]), 360.0)
    array([-2.])
    """
    difference = true - read
    if period is not None:
        difference = (difference + period / 2) % period - period / 2
    return difference


def top_answer(answers: Iterable[str | None]) -> tuple[str, float] | None:
    """The most frequent answer, and its share of those that there are; None where there are none.

    >>> top_answer(["45", None, "45", "30"])
    ('45', 0.6666666666666666)
    """
    counts = Counter(answer for answer in answers if answer is not None)
    if not counts:
        return None
    ((top, count),) = counts.most_common(1)
    return top, count / counts.total()


@dataclass(frozen=True)
class StatusCount:
    """A status of frames.

    Attributes:
        status: by its name.
        frames: how many have it.
        message: the most frequent one of theirs; None where they have none.
    """

    status: str
    frames: int
    message: str | None


def status_counts(answers: Iterable[tuple[str, str | None]]) -> list[StatusCount]:
    """Each status, the most frequent first.

    Args:
        answers: of each frame status and message, as ``Labels`` has them.

    >>> status_counts([("ok", None), ("failed", "no"), ("failed", None)])[0]
    StatusCount(status='failed', frames=2, message='no')
    """
    messages: dict[str, list[str | None]] = {}
    for status, message in answers:
        messages.setdefault(status, []).append(message)
    found = [
        StatusCount(status, len(told), (top_answer(told) or (None,))[0]) for status, told in messages.items()
    ]
    return sorted(found, key=lambda one: -one.frames)


def best_constant(true: NDArray[np.float64], period: float | None) -> float:
    """The one answer with the smallest mean absolute error: the median, or of angles the best of 360.

    >>> best_constant(np.array([1.0, 2.0, 9.0]), None)
    2.0
    >>> best_constant(np.array([170.0, 180.0, -170.0]), 360.0)
    -180.0
    """
    if period is None:
        return float(np.median(true))
    grid = np.arange(-period / 2, period / 2, period / 360)
    return float(grid[np.argmin([np.abs(error(true, float(x), period)).mean() for x in grid])])


def ranges(values: NDArray[np.float64], count: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Ranges of values, with about equally many each.

    Returns:
        ``(K + 1,)`` their ends, of at most ``count`` ranges, fewer where many values are equal; and
        ``(N,)`` the range of each value, from 0.

    >>> ranges(np.array([1.0, 2.0, 3.0, 4.0]), 2)
    (array([1. , 2.5, 4. ]), array([0, 0, 1, 1]))
    """
    ends = np.unique(np.quantile(values, np.linspace(0.0, 1.0, count + 1)))
    return ends, np.searchsorted(ends[1:-1], values, side="right").astype(np.int64)


def independent(categories: Sequence[str], truth: dict[str, NDArray[np.float64]]) -> bool:
    """Whether what was answered has nothing to do with the truth, or next to nothing.

    Pearson's test of the count of answers by ranges of each true value, and Cramér's V without its bias
    (Bergsma 2013, https://doi.org/10.1016/j.jkss.2012.10.002).

    Args:
        categories: one for each of N frames.
        truth: for each column ``(N,)`` values.

    Returns:
        False also where this cannot be told: there is one category, or the truth never changes.
    """
    rare = {name for name, count in Counter(categories).items() if count < MIN_EXPECTED * TRUTH_BINS}
    _, kind = np.unique(["" if name in rare else f"={name}" for name in categories], return_inverse=True)
    told = []
    for values in truth.values():
        _, place = ranges(values, TRUTH_BINS)
        counts = np.zeros((kind.max(initial=0) + 1, place.max(initial=0) + 1))
        np.add.at(counts, (kind, place), 1)
        counts = counts[:, counts.any(axis=0)]  # of a truth with few values a range may be empty
        if min(counts.shape) > 1:
            told.append(_useful(counts, P_VALUE / len(truth)))
    return bool(told) and not any(told)


def _useful(counts: NDArray[np.float64], p_value: float) -> bool:
    """Whether rows and columns of a ``(K, L)`` count depend on each other, by more than a trifle."""
    test = chi2_contingency(counts, correction=False)
    n, (k, columns) = counts.sum(), counts.shape
    phi2 = max(0.0, test.statistic / n - (k - 1) * (columns - 1) / (n - 1))
    least = min(k - (k - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return bool(test.pvalue < p_value and np.sqrt(phi2 / least) >= NEGLIGIBLE_V)


def _floats(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
