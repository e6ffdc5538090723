"""What is counted of a null: rewards that differ by more than arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from reward_audit.findings import _even_out


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
