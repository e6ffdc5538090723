"""Runs without a learner: a policy of CartPole that gets better, or worse, and readers with known faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from agent.recording.episode import Episode
from agent.training.chunk import Chunk
from agent.training.watching.watch import Watch
from reward_audit.judging.simulated import reward_of
from reward_client.schema import ItemStatus, RewardItem
from reward_tasks.cartpole import CartPole

STEPS = 8192
CHUNK = 64

Read = Callable[[float, float, np.random.Generator], float | None]
"""A true tilt in degrees, how much of the run is over, and chance, to what is read; None for no reward."""


@dataclass
class Noted:
    """What a watch records, in place of a run's folder."""

    measures: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    warnings: list[tuple[int, str]] = field(default_factory=list)

    def audit(self, step: int, measures: dict[str, float]) -> None:
        self.measures.append((step, measures))

    def audit_warning(self, step: int, sentence: str) -> None:
        self.warnings.append((step, sentence))


def learns(done: float) -> float:
    """The share of random actions of a policy that gets better: all at first, 4 of 100 from halfway on."""
    return max(0.04, 1.0 - 2 * done)


@cache
def path(
    seed: int, random_share: Callable[[float], float] = learns, steps: int = STEPS
) -> list[tuple[NDArray[np.float32], bool]]:
    """What is observed after each step of a run, and whether its episode ended there."""
    rng = np.random.default_rng(seed)
    env = gym.make("CartPole-v1")
    observation, _ = env.reset(seed=seed)
    taken = []
    for step in range(steps):
        x, speed, tilt, rate = (float(number) for number in observation)
        action = int(10 * tilt + 1.5 * rate + 0.3 * x + 0.6 * speed > 0)
        if rng.random() < random_share(step / steps):
            action = int(rng.integers(2))
        observation, _, terminated, truncated, _ = env.step(action)
        taken.append((np.asarray(observation, dtype=np.float32), terminated or truncated))
        if terminated or truncated:
            observation, _ = env.reset()
    env.close()
    return taken


def label(read: float | None) -> RewardItem:
    """The answer of a server whose model reads this; None: it finds no number."""
    if read is None:
        return RewardItem(index=0, reward=None, status=ItemStatus.UNPARSABLE)
    reward = float(reward_of(np.array([read]))[0])
    return RewardItem(
        index=0, reward=reward, status=ItemStatus.OK, value=read, unit="deg", text=f"{read:.0f}"
    )


def watched(read: Read, seed: int, random_share: Callable[[float], float] = learns) -> Noted:
    """What a watch notes of a run with a reader."""
    noted, rng = Noted(), np.random.default_rng([seed, 1])
    watch = Watch(CartPole(), noted)  # type: ignore[arg-type] # the part of a recorder that a watch uses
    taken, episode = path(seed, random_share), Episode(number=1)
    for first in range(0, len(taken), CHUNK):
        part = taken[first : first + CHUNK]
        observations = np.stack([observation for observation, _ in part])
        tilts = CartPole().truth(observations)["tilt_deg"]
        items = [label(read(float(tilt), (first + row) / len(taken), rng)) for row, tilt in enumerate(tilts)]
        for row, (item, (_, ended)) in enumerate(zip(items, part, strict=True)):
            episode.true_return += 1.0
            episode.vlm_return += item.reward or 0.0
            if ended:
                watch.episode(first + row + 1, episode)
                episode = Episode(number=episode.number + 1)
        watch.chunk(chunk(observations, first), items)
    return noted


def chunk(observations: NDArray[np.float32], first: int) -> Chunk:
    """A chunk as far as a watch looks at it."""
    count = len(observations)
    none = np.zeros(count, dtype=np.bool_)
    return Chunk(
        first_step=first,
        observations=observations,
        actions=np.zeros(count, dtype=np.int64),
        true_rewards=np.ones(count),
        next_observations=observations,
        terminated=none,
        truncated=none,
        frames={},
        labels=None,
    )
