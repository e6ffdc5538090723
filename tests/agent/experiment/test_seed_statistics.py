"""Interquartile means, their intervals, tests over seeds, and medians with censoring."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.experiment import seed_statistics
from agent.experiment.seed_statistics import (
    LEVEL,
    censored_median,
    holm,
    iqm,
    iqm_difference,
    iqm_interval,
    p_value,
    widened_level,
)

Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]


def normal(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    return rng.normal(size=count)


def two_outcomes(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Runs that learn or do not, as half of the seeds of a control on stock CartPole."""
    return np.where(rng.random(count) < 0.5, rng.normal(450, 20, count), rng.normal(120, 30, count))


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 20])
def test_the_interquartile_mean_leaves_out_a_quarter_at_each_end(count: int) -> None:
    scores = np.random.default_rng(count).normal(size=count)
    cut = count // 4
    assert iqm(scores) == pytest.approx(np.sort(scores)[cut : count - cut].mean())


@pytest.mark.parametrize(("ours", "theirs"), [(5, None), (20, None), (5, 20)])
def test_an_interval_covers_the_truth_in_about_95_of_100_cases(
    monkeypatch: pytest.MonkeyPatch, ours: int, theirs: int | None
) -> None:
    """A plain percentile bootstrap of five seeds covers 0 in 90 % of these cases."""
    monkeypatch.setattr(seed_statistics, "RESAMPLES", 1000)
    rng, covered = np.random.default_rng(0), []
    for _ in range(300):
        scores = rng.normal(size=ours).tolist()
        if theirs is None:
            found = iqm_interval(scores)
        else:
            found = iqm_difference(scores, rng.normal(size=theirs).tolist())
        covered.append(found.low <= 0 <= found.high)
    assert np.mean(covered) >= 0.93


def test_fewer_seeds_have_a_wider_level() -> None:
    levels = [widened_level(seeds, 10_000) for seeds in (2, 3, 5, 20, 1000)]
    assert levels == sorted(levels, reverse=True)
    assert LEVEL < levels[-1] < LEVEL + 0.001


def test_equal_arms_have_a_difference_around_zero() -> None:
    difference = iqm_difference([1, 2, 3, 4, 5], [1, 2, 3, 4, 5])
    assert difference.low < 0 < difference.high


def test_an_interval_without_width_says_why() -> None:
    assert str(iqm_interval([500.0] * 5)) == "500.0 (all seeds equal)"
    assert str(iqm_difference([500.0] * 5, [40.0] * 20)) == "460.0 (all seeds equal)"
    assert "all" not in str(iqm_difference([500.0] * 5, [40.0, 41.0, 42.0, 43.0, 44.0]))
    one_differs = iqm_interval([500.0] * 19 + [102.0])
    assert (one_differs.low, one_differs.high) == (500.0, 500.0)
    assert str(one_differs) == "500.0 (nearly all seeds equal)"
    assert iqm_interval([500.0] * 4 + [102.0]).low < 500.0


def test_a_single_seed_has_no_interval() -> None:
    alone = iqm_interval([7.0])
    assert (alone.point, alone.low, alone.high, alone.all_equal) == (7.0, 7.0, 7.0, False)


def test_holms_correction_is_that_of_the_paper() -> None:
    # the worked example of R's p.adjust(c(0.01, 0.02, 0.03, 0.04), "holm")
    assert holm([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert holm([0.9, 0.9]) == [1.0, 1.0]


@pytest.mark.parametrize("draw", [normal, two_outcomes])
def test_equal_arms_are_told_apart_in_at_most_5_of_100_experiments(draw: Draw) -> None:
    """Of five seeds against four controls with twenty each; without the correction it is more."""
    rng, plain, corrected = np.random.default_rng(1), [], []
    for _ in range(800):
        ours = draw(rng, 5).tolist()
        p_values = [p_value(ours, draw(rng, 20).tolist()) for _ in range(4)]
        plain.append(min(p_values) < 0.05)
        corrected.append(min(holm(p_values)) < 0.05)
    assert np.mean(plain) > 0.07
    assert np.mean(corrected) <= 0.05


def test_seeds_that_never_got_there_count_as_never() -> None:
    assert censored_median([1024, 1024, 5000, None, None]) == 5000  # `constant` of an experiment: not 1024
    assert censored_median([1024, 1024, None, None, None]) is None
    assert censored_median([1000, 2000, None, None]) is None  # half of them
    assert censored_median([None]) is None
