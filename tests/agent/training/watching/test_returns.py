"""When it is a warning that the VLM's return rises while the true return falls."""

from __future__ import annotations

import numpy as np
import pytest

from agent.training.watching.return_rules import diverging
from tests.agent.training.watching.streams import watched

BOUNDS = (0.0, 500.0)


@pytest.mark.parametrize("episodes", [10, 40, 200])
def test_returns_that_part_are_told(episodes: int) -> None:
    rng = np.random.default_rng(0)
    vlm = np.linspace(50, 150, episodes) + rng.normal(0, 10, episodes)
    true = np.linspace(400, 200, episodes) + rng.normal(0, 20, episodes)
    alarm = diverging(vlm, true, BOUNDS, 5000)
    assert alarm is not None
    assert "the VLM's return rises while the true return falls" in alarm.sentence
    assert "up to step 5000" in alarm.sentence


def test_it_is_told_when_it_begins_late_in_a_run() -> None:
    rise, fall = np.linspace(100, 200, 20), np.linspace(400, 300, 20)
    vlm, true = np.r_[np.linspace(0, 100, 80), rise], np.r_[np.linspace(20, 400, 80), fall]
    assert diverging(vlm[:80], true[:80], BOUNDS, 1) is None
    assert diverging(vlm, true, BOUNDS, 1) is not None


@pytest.mark.parametrize(
    ("vlm", "true"),
    [
        (np.linspace(0, 100, 30), np.linspace(20, 400, 30)),  # both rise
        (np.linspace(100, 0, 30), np.linspace(400, 20, 30)),  # both fall
        (np.linspace(100, 0, 30), np.linspace(20, 400, 30)),  # the other way round
        (np.linspace(0, 100, 30), np.full(30, 500.0)),
        (np.linspace(0, 100, 30), np.linspace(500, 490, 30)),  # by too little to count
        (np.linspace(0, 100, 9), np.linspace(400, 20, 9)),  # too few
    ],
)
def test_nothing_else_is(vlm: np.ndarray, true: np.ndarray) -> None:
    assert diverging(vlm, true, BOUNDS, 1) is None


def test_returns_without_a_trend_are_told_rarely() -> None:
    """At most 1 in 1,000 looks, ten times what two independent tests would give."""
    rng = np.random.default_rng(0)
    told = sum(
        diverging(rng.normal(100, 30, 100), rng.normal(300, 100, 100), BOUNDS, 1) is not None
        for _ in range(1000)
    )
    assert told <= 1


@pytest.mark.slow
def test_a_reward_that_pays_more_the_sooner_episodes_end_is_told() -> None:
    """Episodes last 500 steps for half of the run and a fifth of that later, when each frame is paid for."""
    noted = watched(
        lambda tilt, done, rng: 11.9 if done < 0.55 else 0.0,
        seed=0,
        random_share=lambda done: 0.9 * done,
    )
    assert any("return rises while the true return falls" in sentence for _, sentence in noted.warnings)
