"""Evaluates a policy greedily, by the environment's own reward. Nothing learns from it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from reward_tasks.task import Task

EVAL_SEED = 1_000_000
"""A run's evaluation episodes have the seeds from here on; those of training are drawn from 2**32 by the
run's own seed."""

Policy = Callable[[NDArray[np.float32]], NDArray[np.int64]]
"""``(B, D)`` float32 observations to ``(B,)`` int64 actions."""


def true_returns(
    policy: Policy, episodes: int, task: Task, first_seed: int = EVAL_SEED
) -> NDArray[np.float64]:
    """Plays full episodes, all side by side.

    Args:
        policy: what is evaluated.
        episodes: number of episodes.
        task: what is played.
        first_seed: of the first episode; the next ones have the seeds after it.

    Returns:
        ``(episodes,)`` sums of the environment's own reward.
    """
    envs = [task.make() for _ in range(episodes)]
    observations = np.stack([env.reset(seed=first_seed + i)[0] for i, env in enumerate(envs)])
    returns = np.zeros(episodes)
    running = np.arange(episodes)
    while running.size:
        actions = policy(observations[running])
        still = []
        for row, action in zip(running, actions, strict=True):
            observations[row], reward, terminated, truncated, _ = envs[row].step(int(action))
            returns[row] += float(reward)
            if not (terminated or truncated):
                still.append(row)
        running = np.array(still, dtype=np.int64)
    return returns
