"""Interquartile means and bootstrap intervals over seeds, and what they say about a reward.

Definitions of Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice",
NeurIPS 2021 (the library rliable). Pure functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
LEVEL = 0.95
MIN_SEEDS = 3


@dataclass(frozen=True)
class Interval:
    """A point estimate with its 95 % bootstrap interval.

    >>> print(Interval(500, 499.93, 500))
    500.0 [499.9, 500.0]
    """

    point: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.point:.1f} [{self.low:.1f}, {self.high:.1f}]"


def iqm(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interquartile mean: of the middle half, leaving out ``int(n / 4)`` scores at each end.

    Args:
        scores: ``(..., n)``.

    Returns:
        ``(...)`` means over the last axis, as ``scipy.stats.trim_mean(scores, 0.25)``.

    >>> float(iqm(np.array([0.0, 1.0, 2.0, 3.0, 500.0])))
    2.0
    """
    count = scores.shape[-1]
    cut = count // 4
    means: NDArray[np.float64] = np.sort(scores, axis=-1)[..., cut : count - cut].mean(axis=-1)
    return means


def iqm_interval(tasks: Sequence[Sequence[float]], seed: int = 0) -> Interval:
    """IQM over the runs of all tasks, with a percentile bootstrap interval stratified by task.

    Args:
        tasks: for each task the scores of its runs.
        seed: of the resampling.
    """
    arrays = [np.asarray(runs, dtype=np.float64) for runs in tasks]
    return _interval(arrays, lambda drawn: iqm(np.concatenate(drawn, axis=-1)), seed)


def iqm_difference(ours: Sequence[float], theirs: Sequence[float], seed: int = 0) -> Interval:
    """IQM of our runs minus IQM of theirs; both are resampled on their own."""
    arrays = [np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)]
    return _interval(arrays, lambda drawn: iqm(drawn[0]) - iqm(drawn[1]), seed)


def _interval(
    arrays: Sequence[NDArray[np.float64]],
    statistic: Callable[[Sequence[NDArray[np.float64]]], NDArray[np.float64]],
    seed: int,
) -> Interval:
    rng = np.random.default_rng(seed)
    drawn = [runs[rng.integers(len(runs), size=(RESAMPLES, len(runs)))] for runs in arrays]
    low, high = np.quantile(statistic(drawn), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(statistic(list(arrays))), float(low), float(high))


@dataclass(frozen=True)
class Verdict:
    """What an experiment says about a reward on one environment.

    Attributes:
        teaches: whether it beats every control; None where runs are missing.
        differences: IQM of ``vlm`` minus that of each control.
        words: the same for people.
    """

    teaches: bool | None
    differences: Mapping[str, Interval]
    words: str


def verdict(env: str, scores: Mapping[str, Sequence[float]], controls: Sequence[str]) -> Verdict:
    """Says whether the VLM's reward teaches: it must beat each control, with the whole interval.

    All controls must be beaten, so no correction for several comparisons is needed: the chance to pass by
    luck is at most that of the hardest comparison.

    Args:
        env: name of the environment.
        scores: final mean true returns by arm, one a seed.
        controls: arms to beat.
    """
    short = [arm for arm in ("vlm", *controls) if len(scores.get(arm, ())) < MIN_SEEDS]
    if short:
        return Verdict(
            None,
            {},
            f"{env}: no verdict: fewer than {MIN_SEEDS} finished seeds of {', '.join(short)}.",
        )
    differences = {arm: iqm_difference(scores["vlm"], scores[arm]) for arm in controls}
    gaps = ", ".join(f"{arm} by {difference}" for arm, difference in differences.items())
    worse = [arm for arm, difference in differences.items() if difference.high < 0]
    if worse:
        return Verdict(
            False,
            differences,
            f"{env}: the VLM's reward teaches worse than {', '.join(worse)}. Its return minus theirs: {gaps} "
            "(IQM, 95 %).",
        )
    even = [arm for arm, difference in differences.items() if difference.low <= 0]
    if even:
        return Verdict(
            False,
            differences,
            f"{env}: the VLM's reward cannot be told from {', '.join(even)}. Its return minus that of each "
            f"control: {gaps} (IQM, 95 %).",
        )
    return Verdict(
        True, differences, f"{env}: the VLM's reward teaches. It beats {gaps} (true return, IQM, 95 %)."
    )
