"""What is counted of a null: an order that is more than chance, and rewards that are more than arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from reward_audit.findings import Answered, _even_out
from reward_audit.measures.ranking import kendall_tau_b, tau_beyond_chance

Floats = NDArray[np.float64]


def swept(rewards: Floats, oracle: Floats) -> Answered:
    count = len(rewards)
    states, visited = np.arange(count), np.zeros(count, dtype=bool)
    none = np.full(count, np.nan)
    return Answered(rewards, oracle, None, None, None, ["5"] * count, states, visited, none, none)


def test_the_order_of_a_null_counts_where_chance_does_not_explain_it() -> None:
    oracle: Floats = np.arange(25, dtype=np.float64)
    weak = np.where(oracle % 3 == 0, oracle, 12.0)
    little = np.concatenate([oracle[:4], np.random.default_rng(0).permutation(oracle[4:])])
    tau = kendall_tau_b(little, oracle)
    assert tau is not None
    assert 0.1 < abs(tau) < 0.3
    assert tau_beyond_chance(little, oracle) == 0.0
    assert tau_beyond_chance(weak, oracle) == kendall_tau_b(weak, oracle)
    assert tau_beyond_chance(oracle, oracle) == pytest.approx(1.0)
    assert tau_beyond_chance(-oracle, oracle) == pytest.approx(-1.0)
    assert tau_beyond_chance(np.full(25, 0.5), oracle) is None
    many = [np.tile(array, 20) for array in (little, oracle)]  # the same order, of 500 frames
    assert tau_beyond_chance(*many) == kendall_tau_b(*many)


def test_rewards_of_one_picture_are_equal_where_arithmetic_alone_tells_them_apart() -> None:
    batched = np.array([0.5, 0.5001, np.nan, 0.5002])
    _even_out(batched)
    assert batched == pytest.approx([0.5001, 0.5001, np.nan, 0.5001], nan_ok=True)
    assert np.ptp(batched[[0, 1, 3]]) == 0.0
    different = np.array([0.5, 0.6, np.nan])
    _even_out(different)
    assert different == pytest.approx([0.5, 0.6, np.nan], nan_ok=True)
    nothing = np.array([np.nan])
    _even_out(nothing)
    assert np.isnan(nothing).all()
