"""Replay memory of labelled transitions. Not for acting or learning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Transitions:
    """B transitions.

    Attributes:
        observations: ``(B, 4)`` float32, before the step.
        actions: ``(B,)`` int64.
        rewards: ``(B,)`` float32, of the frame after the step.
        next_observations: ``(B, 4)`` float32, after the step.
        terminated: ``(B,)`` bool; a truncated episode is not terminated, its last state has a value.
    """

    observations: NDArray[np.float32]
    actions: NDArray[np.int64]
    rewards: NDArray[np.float32]
    next_observations: NDArray[np.float32]
    terminated: NDArray[np.bool_]


class Replay:
    """A ring of the last transitions.

    Args:
        capacity: how many are kept.
        observation_size: length of an observation.
    """

    def __init__(self, capacity: int, observation_size: int) -> None:
        self._observations = np.zeros((capacity, observation_size), dtype=np.float32)
        self._actions = np.zeros(capacity, dtype=np.int64)
        self._rewards = np.zeros(capacity, dtype=np.float32)
        self._next_observations = np.zeros((capacity, observation_size), dtype=np.float32)
        self._terminated = np.zeros(capacity, dtype=np.bool_)
        self._capacity, self._added = capacity, 0

    def __len__(self) -> int:
        return min(self._added, self._capacity)

    def add(
        self,
        observation: NDArray[np.float32],
        action: int,
        reward: float,
        next_observation: NDArray[np.float32],
        terminated: bool,
    ) -> None:
        """Adds one transition; the oldest makes room."""
        row = self._added % self._capacity
        self._observations[row] = observation
        self._actions[row] = action
        self._rewards[row] = reward
        self._next_observations[row] = next_observation
        self._terminated[row] = terminated
        self._added += 1

    def sample(self, count: int, rng: np.random.Generator) -> Transitions:
        """Draws transitions uniformly, with replacement.

        Raises:
            ValueError: nothing was added yet.
        """
        if not self._added:
            raise ValueError("the replay memory is empty")
        rows = rng.integers(len(self), size=count)
        return Transitions(
            self._observations[rows],
            self._actions[rows],
            self._rewards[rows],
            self._next_observations[rows],
            self._terminated[rows],
        )
