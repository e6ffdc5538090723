"""Vector environments under Gymnasium's autoreset modes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from numpy.typing import NDArray

from agent.training.frame_envs import FrameEnvs, envs_state, make_envs, restore_envs
from reward_client.wrappers.frame_in_info import FrameInInfo
from reward_tasks.catalog import find_task

CARTPOLE = "CartPole-v1"


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


@pytest.mark.parametrize("name", [CARTPOLE, "CartPoleContinuing-v0", "MountainCar-v0", "Acrobot-v1"])
def test_environments_go_on_where_they_were(name: str) -> None:
    task = find_task(name)

    def play(envs: FrameEnvs, seed: int) -> list[NDArray[np.float32]]:
        rng = np.random.default_rng(seed)
        return [envs.step(rng.integers(2, size=2)).next_observations for _ in range(60)]

    first = make_envs(task, [1, 2], frames=False)
    play(first, 0)
    state = envs_state(first, task)
    expected = play(first, 1)
    second = make_envs(task, [8, 9], frames=False)
    restore_envs(second, task, state)
    np.testing.assert_array_equal(play(second, 1), expected)
