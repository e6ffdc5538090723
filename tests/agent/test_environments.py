"""The continuing environment, and vector environments under Gymnasium's autoreset modes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from numpy.typing import NDArray

from agent.environments import CARTPOLE, CONTINUING, EPISODE_STEPS
from agent.training.frame_envs import FrameEnvs, FrameInInfo, envs_state, make_envs, restore_envs


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


def alone(seed: int, actions: NDArray[np.int64]) -> Iterator[tuple[Any, ...]]:
    """What one environment does by itself, step by step."""
    env = gym.make(CARTPOLE, render_mode="rgb_array", max_episode_steps=22)
    observation, _ = env.reset(seed=seed)
    for action in actions:
        after, reward, terminated, truncated, _ = env.step(int(action))
        yield observation, int(action), reward, after, terminated, truncated, env.render()
        observation = env.reset()[0] if terminated or truncated else after


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_every_real_step_has_its_own_frame_in_every_autoreset_mode(mode: AutoresetMode) -> None:
    def make() -> gym.Env[Any, Any]:
        return FrameInInfo(gym.make(CARTPOLE, render_mode="rgb_array", max_episode_steps=22))

    seeds, rng = [3, 4, 5], np.random.default_rng(0)
    envs = FrameEnvs(SyncVectorEnv([make] * 3, autoreset_mode=mode), seeds)
    got: list[list[tuple[Any, ...]]] = [[], [], []]
    for _ in range(70):
        step = envs.step(rng.integers(2, size=3))
        for row in np.flatnonzero(step.taken):
            assert step.frames is not None
            got[row].append(
                (
                    step.observations[row],
                    int(step.actions[row]),
                    step.true_rewards[row],
                    step.next_observations[row],
                    step.terminated[row],
                    step.truncated[row],
                    step.frames[row].copy(),
                )
            )
    assert sum(step[4] for mine in got for step in mine) >= 2
    assert sum(step[5] for mine in got for step in mine) >= 2
    for seed, mine in zip(seeds, got, strict=True):
        expected = list(alone(seed, np.array([step[1] for step in mine])))
        for ours, theirs in zip(mine, expected, strict=True):
            for a, b in zip(ours, theirs, strict=True):
                np.testing.assert_array_equal(a, b)
    envs.close()


@pytest.mark.parametrize("env_id", [CARTPOLE, CONTINUING])
def test_environments_go_on_where_they_were(env_id: str) -> None:
    def play(envs: FrameEnvs, seed: int) -> list[NDArray[np.float32]]:
        rng = np.random.default_rng(seed)
        return [envs.step(rng.integers(2, size=2)).next_observations for _ in range(60)]

    first = make_envs(env_id, [1, 2], frames=False)
    play(first, 0)
    state = envs_state(first)
    expected = play(first, 1)
    second = make_envs(env_id, [8, 9], frames=False)
    restore_envs(second, state)
    np.testing.assert_array_equal(play(second, 1), expected)
