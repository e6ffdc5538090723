"""What a few seeds say: interquartile means with intervals, differences between arms, medians with censoring.

Pure functions. Not for what follows from them about a reward (``verdict.py``).

The interquartile mean (IQM) is that of Agarwal et al., "Deep Reinforcement Learning at the Edge of the
Statistical Precipice", NeurIPS 2021 (the library rliable).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray
from scipy import stats

RESAMPLES = 10_000
LEVEL = 0.95
TRIM = 0.25
"""Share of scores that an interquartile mean leaves out at each end."""


@dataclass(frozen=True)
class Interval:
    """A point estimate with its 95 % interval.

    Attributes:
        point: the estimate.
        low: lower end of the interval.
        high: its upper end.
        all_equal: whether the seeds of each arm have one and the same score, so that nothing can be said of
            how much they vary; the interval is a point then.

    >>> print(Interval(500, 499.93, 500))
    500.0 [499.9, 500.0]
    >>> print(Interval(500, 500, 500, all_equal=True))
    500.0 (all seeds equal)
    """

    point: float
    low: float
    high: float
    all_equal: bool = False

    def __str__(self) -> str:
        if self.all_equal:
            return f"{self.point:.1f} (all seeds equal)"
        if self.low == self.high:  # one seed of many differs, and the middle half never sees it
            return f"{self.point:.1f} (nearly all seeds equal)"
        return f"{self.point:.1f} [{self.low:.1f}, {self.high:.1f}]"


_Statistic = Callable[..., NDArray[np.float64]]
"""Of the seeds of one arm or two, ``(..., n)`` each, along ``axis``."""


def iqm(scores: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
    """Interquartile mean: of the middle half, leaving out ``int(n / 4)`` scores at each end.

    Args:
        scores: ``(..., n)``.
        axis: that of the n scores.

    Returns:
        ``(...)`` means.

    >>> float(iqm(np.array([0.0, 1.0, 2.0, 3.0, 500.0])))
    2.0
    """
    means: NDArray[np.float64] = stats.trim_mean(scores, TRIM, axis=axis)
    return means


def iqm_interval(scores: Sequence[float], resamples: int | None = None) -> Interval:
    """IQM of the seeds of an arm.

    Args:
        scores: one a seed.
        resamples: of the bootstrap; None for ``RESAMPLES``.
    """
    return _interval([scores], iqm, resamples or RESAMPLES)


def iqm_difference(ours: Sequence[float], theirs: Sequence[float]) -> Interval:
    """IQM of our seeds minus IQM of theirs; both are resampled on their own."""

    def difference(
        ours: NDArray[np.float64], theirs: NDArray[np.float64], *, axis: int
    ) -> NDArray[np.float64]:
        return iqm(ours, axis) - iqm(theirs, axis)

    return _interval([ours, theirs], difference, RESAMPLES)


def widened_level(seeds: int, resamples: int) -> float:
    """The level at which a percentile bootstrap of so few seeds covers about 95 %.

    A resample of n seeds varies by ``sqrt((n - 1) / n)`` of what it should, and in place of Student's t the
    bootstrap has a normal. The expanded percentile interval makes up for both (Hesterberg, "What Teachers
    Should Know About the Bootstrap", The American Statistician 69(4), 2015).

    >>> [round(widened_level(seeds, 10_000), 4) for seeds in (5, 20, 1000)]
    [0.9981, 0.9682, 0.9504]
    """
    tail = stats.norm.sf(stats.t.isf((1 - LEVEL) / 2, seeds - 1) * math.sqrt(seeds / (seeds - 1)))
    return 1 - 2 * max(float(tail), 1 / resamples)  # beyond that it is the smallest and the largest one


def _interval(samples: Sequence[Sequence[float]], statistic: _Statistic, resamples: int) -> Interval:
    arrays = [np.asarray(scores, dtype=np.float64) for scores in samples]
    point = float(statistic(*arrays, axis=-1))
    fewest = min(len(scores) for scores in arrays)
    if fewest == 1 or not any(np.ptp(scores) for scores in arrays):
        return Interval(point, point, point, all_equal=fewest > 1)
    found = stats.bootstrap(
        arrays,
        statistic,
        n_resamples=resamples,
        method="percentile",
        confidence_level=widened_level(fewest, resamples),
        vectorized=True,
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Interval(point, float(found.low), float(found.high))


def p_value(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """How likely scores of two equal arms differ as much: Mann and Whitney's test, two-sided.

    It compares ranks. A test of the means, by permutation too, takes a few seeds that vary much for a
    difference (docs/experiments.md).

    >>> round(p_value([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]), 4)
    0.0079
    >>> p_value([500, 500], [500, 500])
    1.0
    """
    if len({*ours, *theirs}) == 1:
        return 1.0
    return float(stats.mannwhitneyu(ours, theirs).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values of several comparisons, corrected so that the chance of any error keeps to the level.

    Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6(2),
    1979: the smallest is multiplied by their number, the next one by one less, and none may fall below the
    one before it.

    >>> holm([0.04, 0.01, 0.03])
    [0.06, 0.03, 0.06]
    """
    corrected, before = [1.0] * len(p_values), 0.0
    for rank, row in enumerate(np.argsort(p_values)):
        before = max(before, min((len(p_values) - rank) * p_values[row], 1.0))
        corrected[row] = before
    return corrected


def censored_median(values: Sequence[float | None]) -> float | None:
    """Median of when something happened, where None is a seed in which it never did.

    Returns:
        None where half of the seeds or more never got there: the median is never.

    >>> censored_median([3000, 1000, None])
    3000
    >>> censored_median([3000, 1000, None, None]) is None
    True
    """
    middle = median(math.inf if value is None else value for value in values)
    return None if math.isinf(middle) else middle
