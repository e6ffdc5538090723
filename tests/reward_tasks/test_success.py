"""The states that a task calls a success are those in which its environment says so."""

from __future__ import annotations

import numpy as np
import pytest

from reward_tasks.catalog import TASKS, find_task

SUCCESSES = ["CartPole-v1", "CartPoleContinuing-v0", "MountainCar-v0", "Acrobot-v1"]


@pytest.mark.parametrize("name", SUCCESSES)
def test_success_is_what_the_environment_ends_or_rewards(name: str) -> None:
    """The goal of MountainCar and Acrobot ends an episode; CartPole pays 1 a step, or ends at a fall."""
    task, env = find_task(name), find_task(name).make()
    env.reset(seed=0)
    env.action_space.seed(0)
    rng = np.random.default_rng(0)
    told = list[bool]()
    for state in task.sweep(60, rng):
        env.reset(seed=0)
        task.place(env, state)
        observation, reward, terminated, _, _ = env.step(env.action_space.sample())
        succeeded = task.succeeded(task.truth(np.asarray(observation)[None]))
        assert succeeded is not None
        expected = {
            "CartPole-v1": not terminated,
            "CartPoleContinuing-v0": reward == 1.0,
        }.get(name, terminated)
        left = name == "CartPole-v1" and abs(observation[0]) > 2.4  # the cart left, with a pole upright
        turned_back = name == "MountainCar-v0" and observation[1] < 0
        if not left and not turned_back:
            assert bool(succeeded[0]) == expected, observation
        told.append(bool(succeeded[0]))
    assert len(set(told)) == 2  # a sweep shows both


def test_every_task_with_success_states_says_in_words_which() -> None:
    for name in TASKS:
        task = find_task(name)
        truth = {column.name: np.zeros(3) for column in task.columns}
        assert (task.success is not None) == (task.succeeded(truth) is not None) == (name in SUCCESSES)
