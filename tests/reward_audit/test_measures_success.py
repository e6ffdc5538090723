"""Success: false positives first, and what probabilities are worth."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from reward_audit.measures.success import (
    auroc,
    break_even_threshold,
    brier,
    expected_calibration_error,
    false_negative_rate,
    false_positive_rate,
)

SUCCESS = np.array([True, True, False, False, False])
SCORES = np.array([0.9, 0.4, 0.6, 0.5, 0.1])
ALL = np.ones(3, dtype=np.bool_)


def drawn(seed: int, count: int = 5000) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Probabilities that are right, and what happened."""
    rng = np.random.default_rng(seed)
    probabilities = rng.random(count)
    return probabilities, rng.random(count) < probabilities


def test_false_positives_are_a_share_of_the_failures_and_not_of_what_is_called_a_success() -> None:
    assert false_positive_rate(SCORES, SUCCESS, 0.5) == pytest.approx(2 / 3)
    assert false_negative_rate(SCORES, SUCCESS, 0.5) == pytest.approx(1 / 2)
    assert false_positive_rate(SCORES, SUCCESS, 2.0) == 0.0


def test_rates_are_undefined_without_a_frame_of_their_kind() -> None:
    assert false_positive_rate(np.zeros(3), ALL, 0.5) is None
    assert false_negative_rate(np.zeros(3), ~ALL, 0.5) is None
    assert auroc(np.arange(3, dtype=np.float64), ALL) is None
    assert auroc(np.arange(3, dtype=np.float64), ~ALL) is None


def test_nulls_are_neither_positive_nor_negative() -> None:
    scores = SCORES.copy()
    scores[2] = np.nan
    assert false_positive_rate(scores, SUCCESS, 0.5) == pytest.approx(1 / 2)
    assert auroc(scores, SUCCESS) == pytest.approx(3 / 4)
    assert brier(scores, SUCCESS) == pytest.approx((0.01 + 0.36 + 0.25 + 0.01) / 4)


@pytest.mark.parametrize("seed", range(3))
def test_auroc_is_the_share_of_pairs_in_order_with_ties_as_half(seed: int) -> None:
    rng = np.random.default_rng(seed)
    success = rng.random(60) < 0.4
    scores = np.round(rng.random(60) + np.where(success, 0.4, 0.0), 1)
    pairs = list(itertools.product(scores[success], scores[~success]))
    by_hand = np.mean([1.0 if high > low else 0.5 if high == low else 0.0 for high, low in pairs])
    assert auroc(scores, success) == pytest.approx(by_hand)
    assert auroc(-scores, success) == pytest.approx(1 - by_hand)


def test_auroc_of_constant_scores_is_chance() -> None:
    assert auroc(np.full(5, 0.7), SUCCESS) == 0.5


def test_brier_is_0_for_the_truth_and_a_quarter_for_one_half() -> None:
    assert brier(SUCCESS.astype(float), SUCCESS) == 0.0
    assert brier(np.full(5, 0.5), SUCCESS) == 0.25
    assert brier((~SUCCESS).astype(float), SUCCESS) == 1.0
    assert brier(np.array([]), np.array([], dtype=np.bool_)) is None


def test_calibration_error_is_a_sum_over_bins_by_hand() -> None:
    probabilities = np.array([0.0, 0.05, 0.1, 0.95, 1.0])  # 0.1 belongs to the first bin
    success = np.array([False, True, False, True, False])
    by_hand = 3 / 5 * abs(1 / 3 - 0.05) + 2 / 5 * abs(1 / 2 - 0.975)
    assert expected_calibration_error(probabilities, success) == pytest.approx(by_hand)


def test_right_probabilities_are_calibrated_and_overconfident_ones_are_not() -> None:
    probabilities, success = drawn(0)
    right = expected_calibration_error(probabilities, success)
    sure = expected_calibration_error(np.round(probabilities), success)
    assert right is not None
    assert sure is not None
    assert right < 0.03
    assert sure == pytest.approx(0.25, abs=0.02)  # E min(p, 1 - p)


def test_the_base_rate_is_calibrated_and_says_nothing() -> None:
    _, success = drawn(1)
    always = np.full(len(success), success.mean())
    assert expected_calibration_error(always, success) == pytest.approx(0.0, abs=1e-9)
    assert auroc(always, success) == 0.5


def test_what_is_no_probability_is_refused() -> None:
    for measure in (brier, expected_calibration_error):
        with pytest.raises(ValueError, match="from 0 to 1"):
            measure(np.array([0.5, 1.2]), np.array([True, False]))
    with pytest.raises(ValueError, match="bin"):
        expected_calibration_error(np.array([0.5]), np.array([True]), bins=0)
    assert expected_calibration_error(np.array([np.nan]), np.array([True])) is None


def test_the_break_even_threshold_tells_as_many_as_there_are_successes() -> None:
    scores = np.array([0.9, 0.1, 0.8, 0.7, np.nan, 0.2])
    success = np.array([True, False, False, True, True, False])
    assert break_even_threshold(scores, success) == 0.8  # two of those scored are a success
    assert false_positive_rate(scores, success, 0.8) == pytest.approx(1 / 3)
    assert false_negative_rate(scores, success, 0.8) == pytest.approx(1 / 2)
    assert break_even_threshold(scores, np.ones(6, dtype=bool)) is None
    assert break_even_threshold(scores, np.zeros(6, dtype=bool)) is None
