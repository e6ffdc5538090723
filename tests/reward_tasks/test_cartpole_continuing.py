"""The continuing environment: nothing ends early, and survival alone is worth nothing."""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from reward_tasks.cartpole_continuing import CONTINUING, EPISODE_STEPS


@pytest.mark.parametrize("any_tilt", [False, True])
def test_the_continuing_environment_passes_gymnasiums_checker(any_tilt: bool) -> None:
    check_env(gym.make(CONTINUING, any_tilt=any_tilt, render_mode="rgb_array").unwrapped)


def push(env: gym.Env[Any, Any], action: int, state: tuple[float, ...]) -> tuple[Any, ...]:
    env.unwrapped.state = np.array(state)  # type: ignore[attr-defined]
    return env.step(action)


def test_nothing_ends_early_and_every_episode_has_the_same_length() -> None:
    env = gym.make(CONTINUING)
    env.reset(seed=1)
    for step in range(1, EPISODE_STEPS + 1):
        _, _, terminated, truncated, _ = env.step(1)  # straight to the wall, and the pole falls
        assert not terminated
        assert truncated == (step == EPISODE_STEPS)


def test_the_reward_says_whether_the_pole_is_upright() -> None:
    env = gym.make(CONTINUING)
    env.reset(seed=1)
    for tilt_deg, expected in ((0.0, 1.0), (11.9, 1.0), (12.1, 0.0), (-12.1, 0.0), (180.0, 0.0)):
        assert push(env, 0, (0.0, 0.0, math.radians(tilt_deg), 0.0))[1] == expected


def test_the_cart_stops_at_the_end_of_the_track_and_may_leave_it_again() -> None:
    env = gym.make(CONTINUING)
    env.reset(seed=1)
    observation = push(env, 1, (2.39, 5.0, 0.0, 0.0))[0]
    assert observation[0] == pytest.approx(2.4)
    assert observation[1] == 0.0
    assert env.step(0)[0][1] < 0


def test_the_tilt_is_wrapped() -> None:
    env = gym.make(CONTINUING)
    env.reset(seed=1)
    observation = push(env, 0, (0.0, 0.0, math.pi - 0.01, 2.0))[0]
    assert observation[2] == pytest.approx(-math.pi + 0.03, abs=1e-6)


def test_episodes_start_nearly_upright_or_from_any_tilt() -> None:
    near, wide = gym.make(CONTINUING), gym.make(CONTINUING, any_tilt=True)
    assert max(abs(near.reset(seed=seed)[0][2]) for seed in range(50)) <= 0.05
    tilts = [wide.reset(seed=seed)[0][2] for seed in range(50)]
    assert min(tilts) < -2
    assert max(tilts) > 2
