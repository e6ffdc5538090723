"""Verdicts on values that are the same again after a period."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from reward_audit.judging.verdict import Evidence, judge
from tests.reward_audit.test_verdict import evidence

Floats = NDArray[np.float64]


def around(read: Floats, true: Floats) -> Evidence:
    """An angle all round, whose reward is 1 at 0 and 0 on the far side."""
    rewards, oracle = (1 - np.abs((angle + 180) % 360 - 180) / 180 for angle in (read, true))
    return evidence(rewards, oracle, values=read, truth=true, period=360.0)


def test_angles_are_judged_the_short_way_round() -> None:
    true = np.random.default_rng(0).uniform(-180, 180, 600)
    noise = np.random.default_rng(1).normal(0, 3, 600)
    turned = judge(around((true + noise) % 360, true))  # 0 to 360 in place of ±180
    assert (turned.ranking.name, turned.values.name) == ("trustworthy", "trustworthy")
    assert judge(around(true + 70, true)).values.name == "biased"
    assert judge(around(true + 180, true)).values.name == "inverted"
    assert judge(around(np.random.default_rng(2).permutation(true), true)).values.name == "ungrounded"


def test_a_scale_is_a_bias_of_angles_too() -> None:
    true = np.random.default_rng(0).uniform(-60, 60, 600)
    verdict = judge(around(0.5 * true, true))
    assert verdict.values.name == "biased"
    assert verdict.values.numbers["calibrated_skill"] == pytest.approx(1.0)
    across = true + 175  # truths on both sides of a period's end
    wrapped = (across + 180) % 360 - 180
    assert judge(around(across + 40, wrapped)).values.numbers["calibrated_skill"] == pytest.approx(1.0)
