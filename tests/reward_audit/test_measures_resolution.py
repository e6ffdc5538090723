"""Resolution: the noise of asking twice, found again where it was put in."""

from __future__ import annotations

import numpy as np
import pytest

from reward_audit.measures import resolution


def scored_twice(
    noise: float, count: int = 20_000, spread: float = 1.0
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    rng = np.random.default_rng(0)
    true = rng.normal(0, spread, (count, 1))
    return true + rng.normal(0, noise, (count, 2))


def test_noise_is_that_of_one_scoring_and_not_of_the_difference() -> None:
    assert resolution.test_retest_noise(scored_twice(0.3)) == pytest.approx(0.3, rel=0.02)
    assert resolution.test_retest_noise(np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])) == pytest.approx(
        np.sqrt(0.5)
    )


def test_a_difference_that_all_frames_have_is_noise() -> None:
    rewards = np.linspace(0, 1, 50)
    shifted = np.column_stack([rewards, rewards + 0.2])
    assert resolution.test_retest_noise(shifted) == pytest.approx(0.2 / np.sqrt(2))


def test_reliability_is_the_share_of_variance_that_is_not_noise() -> None:
    assert resolution.reliability(scored_twice(0.5)) == pytest.approx(1 / (1 + 0.25), abs=0.01)
    assert resolution.reliability(scored_twice(0.0)) == 1.0
    assert resolution.reliability(scored_twice(1.0, spread=0.0)) == pytest.approx(0.0, abs=0.02)
    assert resolution.reliability(np.full((10, 2), 0.3)) is None


def test_resolution_is_the_noise_in_steps_between_neighbours() -> None:
    neighbours = np.column_stack([np.arange(10) * 0.1, np.arange(1, 11) * 0.1])
    assert resolution.resolution(scored_twice(0.3), neighbours) == pytest.approx(3.0, rel=0.02)
    assert resolution.resolution(scored_twice(0.3), np.ones((5, 2))) is None
    assert resolution.resolution(scored_twice(0.3), np.full((5, 2), np.nan)) is None


def test_frames_that_are_null_once_are_left_out() -> None:
    retest = np.array([[0.0, 0.1], [np.nan, 0.5], [1.0, 0.9], [0.5, 0.6]])
    assert resolution.test_retest_noise(retest) == pytest.approx(np.sqrt(0.01 / 2))
    assert resolution.test_retest_noise(retest[:3]) is None
    assert resolution.reliability(retest[:3]) is None
    assert resolution.resolution(retest[:3], np.array([[0.0, 0.1]])) is None


def test_what_is_not_two_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="pairs"):
        resolution.test_retest_noise(np.zeros(5))
    with pytest.raises(ValueError, match="pairs"):
        resolution.resolution(np.zeros((5, 2)), np.zeros((5, 3)))
