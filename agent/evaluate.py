"""Evaluates a policy greedily, by the environment's own reward. Nothing learns from it."""

from __future__ import annotations

from collections.abc import Callable

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

EVAL_SEED = 1_000_000
"""Evaluation episodes have the seeds from here on; training uses those of its own run, far below."""

SOLVED_RETURN = 475.0
"""CartPole-v1's reward threshold (gymnasium/envs/__init__.py), over 100 episodes."""


def true_returns(
    policy: Callable[[NDArray[np.float32]], NDArray[np.int64]], episodes: int
) -> NDArray[np.float64]:
    """Plays full episodes of CartPole-v1, all side by side.

    Args:
        policy: ``(B, 4)`` float32 observations to ``(B,)`` actions.
        episodes: number of episodes.

    Returns:
        ``(episodes,)`` sums of the environment's own reward.
    """
    envs = [gym.make("CartPole-v1") for _ in range(episodes)]
    observations = np.stack([env.reset(seed=EVAL_SEED + i)[0] for i, env in enumerate(envs)])
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
