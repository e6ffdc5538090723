"""The arms of an experiment: where the reward comes from that the agent learns from.

``vlm`` is what is asked about. ``env`` and ``oracle`` know the truth. ``constant``, ``random`` and
``resampled`` know nothing of the frame: they are the controls. ``shuffled`` is none, since it knows how
well the run goes at the time. ``vlm`` and ``shuffled`` need a reward server, ``resampled`` a finished run of
``vlm``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agent.config import Arm
from reward_tasks.task import Task

CONTROLS = (Arm.CONSTANT, Arm.RANDOM, Arm.RESAMPLED)
"""Arms whose reward says nothing about the frame. ``constant`` and ``random`` keep to the range of the
oracle's rewards, ``resampled`` to the VLM's own."""


def chunk_rewards(
    arm: Arm,
    task: Task,
    server_rewards: Sequence[float | None],
    true_rewards: NDArray[np.float64],
    next_observations: NDArray[np.float32],
    rng: np.random.Generator,
    pool: NDArray[np.float64] | None = None,
) -> list[float | None]:
    """The rewards that a chunk of B steps is learned with.

    Args:
        arm: their source.
        task: knows the truth, for ``oracle`` alone, and the range of ``constant`` and ``random``.
        server_rewards: B rewards of the server, None where it gave none; not read by the arms without one.
        true_rewards: ``(B,)`` float64, the environment's own.
        next_observations: ``(B, D)`` float32, after each step.
        rng: for ``random``, ``shuffled`` and ``resampled``.
        pool: ``(n,)`` float64, what ``resampled`` draws from.

    Returns:
        B rewards. None where there is none, and where ``shuffled`` has no other one to give.

    Raises:
        ValueError: ``resampled`` has nothing to draw from.
    """
    count = len(true_rewards)
    low, high = task.oracle_bounds
    rewards: list[float | None]
    match arm:
        case Arm.VLM:
            rewards = list(server_rewards)
        case Arm.ENV:
            rewards = [float(reward) for reward in true_rewards]
        case Arm.ORACLE:
            rewards = [None if np.isnan(r) else float(r) for r in task.oracle(next_observations)]
        case Arm.CONSTANT:
            rewards = [(low + high) / 2] * count
        case Arm.RANDOM:
            rewards = [float(reward) for reward in low + (high - low) * rng.random(count)]
        case Arm.SHUFFLED:
            rewards = _shuffled(server_rewards, rng)
        case Arm.RESAMPLED:
            if pool is None or not len(pool):
                raise ValueError("the arm resampled needs rewards to draw from")
            rewards = [float(reward) for reward in rng.choice(pool, size=count)]
    return rewards


def _shuffled(rewards: Sequence[float | None], rng: np.random.Generator) -> list[float | None]:
    """Gives each step the reward of another one: a random cycle (Sattolo's algorithm, 1986)."""
    scored = [row for row, reward in enumerate(rewards) if reward is not None]
    given: list[float | None] = [None] * len(rewards)
    if len(scored) < 2:
        return given
    source = list(scored)
    for i in range(len(source) - 1, 0, -1):
        j = int(rng.integers(i))
        source[i], source[j] = source[j], source[i]
    for row, other in zip(scored, source, strict=True):
        given[row] = rewards[other]
    return given
