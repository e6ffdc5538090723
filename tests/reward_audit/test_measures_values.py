"""Readings: errors the short way round, and what counts as no better than to see nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from reward_audit.measures.values import (
    agreement,
    best_constant_error,
    bias,
    errors,
    mean_absolute_error,
    side_accuracy,
    skill,
)

NAN = float("nan")
TRUE = np.array([-10.0, -1.0, 0.0, 2.0, 12.0])


def test_errors_keep_their_sign_and_leave_out_nulls() -> None:
    read = TRUE + np.array([1.0, NAN, -3.0, 0.0, 2.0])
    assert errors(read, TRUE).tolist() == [1.0, -3.0, 0.0, 2.0]
    assert mean_absolute_error(read, TRUE) == pytest.approx(1.5)
    assert bias(read, TRUE) == pytest.approx(0.0)
    assert bias(TRUE + 5, TRUE) == pytest.approx(5.0)


def test_errors_go_the_short_way_round() -> None:
    read, true = np.array([179.0, -179.0, 10.0]), np.array([-179.0, 179.0, -10.0])
    assert errors(read, true, 360.0).tolist() == [-2.0, 2.0, 20.0]
    assert mean_absolute_error(read, true, 360.0) == pytest.approx(8.0)
    assert mean_absolute_error(read, true) == pytest.approx((358 + 358 + 20) / 3)  # without a period
    turns = np.exp(1j * np.radians(read - true))
    assert errors(read, true, 360.0) == pytest.approx(np.degrees(np.angle(turns)))


def test_nothing_read_has_no_error() -> None:
    nothing = np.full(5, NAN)
    assert mean_absolute_error(nothing, TRUE) is None
    assert bias(nothing, TRUE) is None
    assert skill(nothing, TRUE) is None
    assert agreement(nothing, TRUE) is None
    assert side_accuracy(nothing, TRUE, 0.5) is None
    assert best_constant_error(np.array([])) is None


def test_the_best_constant_is_the_one_that_a_search_finds() -> None:
    true = np.random.default_rng(0).exponential(3.0, 500)
    found = minimize_scalar(lambda c: float(np.abs(true - c).mean()), bounds=(0, 30), method="bounded")
    assert best_constant_error(true) == pytest.approx(found.fun, rel=1e-4)


def test_the_best_constant_error_of_angles_all_round_is_a_quarter_turn() -> None:
    all_round = np.linspace(-180, 180, 2000, endpoint=False)
    assert best_constant_error(all_round, 360.0) == pytest.approx(90.0, rel=1e-3)
    across = np.array([170.0, 175.0, 180.0, -175.0, -170.0])  # around the far side
    assert best_constant_error(across, 360.0) == pytest.approx(6.0)


def test_skill_is_1_perfect_0_for_the_median_and_negative_below_that() -> None:
    assert skill(TRUE, TRUE) == 1.0
    assert skill(np.full(5, np.median(TRUE)), TRUE) == pytest.approx(0.0)
    assert skill(np.full(5, 45.0), TRUE) == pytest.approx(1 - 44.4 / 5.0)
    assert skill(TRUE, np.full(5, 3.0)) is None


def test_agreement_is_1_perfect_0_for_a_constant_and_negative_on_the_wrong_side() -> None:
    true = np.random.default_rng(0).uniform(-15, 15, 2000)
    assert agreement(true, true) == 1.0
    assert agreement(np.full(2000, 45.0), true) == pytest.approx(0.0, abs=1e-12)
    assert agreement(-true, true) == pytest.approx(-0.5, abs=0.03)  # 1 - 2 E|t| / E|t - t'| = 1 - 15/10
    assert agreement(np.random.default_rng(1).permutation(true), true) == pytest.approx(0.0, abs=0.05)
    assert agreement(np.ones(3), np.ones(3)) is None


def test_agreement_is_linearly_weighted_kappa() -> None:
    """Cohen's, by the table of counts."""
    rng = np.random.default_rng(2)
    true = rng.integers(0, 4, 300)
    read = np.clip(true + rng.integers(-1, 2, 300), 0, 3)
    table = np.zeros((4, 4))
    np.add.at(table, (read, true), 1 / 300)
    weights = np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
    chance = np.outer(table.sum(axis=1), table.sum(axis=0))
    kappa = 1 - (weights * table).sum() / (weights * chance).sum()
    assert agreement(read.astype(float), true.astype(float)) == pytest.approx(kappa)


def test_agreement_of_angles_knows_their_period() -> None:
    true = np.random.default_rng(0).uniform(-180, 180, 500)
    assert agreement((true + 180) % 360 - 180, true + 360, 360.0) == pytest.approx(1.0)
    assert agreement(true + 180, true, 360.0) == pytest.approx(-1.0, abs=0.02)  # 180 against a mean of 90


def test_the_side_matters_only_beyond_and_0_is_no_side() -> None:
    read = np.array([-1.0, -3.0, 0.0, 0.0, 9.0])
    assert side_accuracy(read, TRUE, beyond=0.5) == pytest.approx(3 / 4)  # 2 is read as 0
    assert side_accuracy(read, TRUE, beyond=5.0) == 1.0
    assert side_accuracy(read, TRUE, beyond=50.0) is None
    assert side_accuracy(-TRUE, TRUE, beyond=0.5) == 0.0
