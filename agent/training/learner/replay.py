"""Replay memory of labelled transitions. Not for acting or learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Transitions:
    """B transitions, each over one step or several.

    Attributes:
        observations: ``(B, D)`` float32, before the first step.
        actions: ``(B,)`` int64, of the first step.
        rewards: ``(B,)`` float32, discounted sum of the rewards of the frames after each step.
        next_observations: ``(B, D)`` float32, after the last step.
        terminated: ``(B,)`` bool; a truncated episode is not terminated, its last state has a value.
        discounts: ``(B,)`` float32, of the value of the state after the last step.
    """

    observations: NDArray[np.float32]
    actions: NDArray[np.int64]
    rewards: NDArray[np.float32]
    next_observations: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    discounts: NDArray[np.float32]


class Replay:
    """A ring of the last steps, in the order in which they were taken.

    A step whose frame could not be scored keeps its place, so that steps over several rewards do not jump
    over it; it is never drawn.

    Args:
        capacity: how many steps are kept.
        observation_size: length of an observation.
        num_envs: environments that take turns: step i + num_envs follows step i.

    Raises:
        ValueError: the capacity is no multiple of the number of environments.
    """

    def __init__(self, capacity: int, observation_size: int, num_envs: int = 1) -> None:
        if capacity % num_envs:
            raise ValueError(f"a capacity of {capacity} is no multiple of {num_envs} environments")
        self._capacity, self._num_envs, self._added = capacity, num_envs, 0
        self._columns: dict[str, NDArray[Any]] = {
            "observations": np.zeros((capacity, observation_size), dtype=np.float32),
            "actions": np.zeros(capacity, dtype=np.int64),
            "rewards": np.full(capacity, np.nan, dtype=np.float32),  # nan: the frame has no reward
            "next_observations": np.zeros((capacity, observation_size), dtype=np.float32),
            "terminated": np.zeros(capacity, dtype=np.bool_),
            "ended": np.zeros(capacity, dtype=np.bool_),
        }
        self._labelled = 0

    def __len__(self) -> int:
        """Labelled steps at hand."""
        return self._labelled

    def add(
        self,
        observation: NDArray[np.float32],
        action: int,
        reward: float | None,
        next_observation: NDArray[np.float32],
        terminated: bool,
        truncated: bool,
    ) -> None:
        """Adds the next step; the oldest makes room. ``reward`` is None where there is none."""
        row = self._added % self._capacity
        columns = self._columns
        self._labelled -= int(not np.isnan(columns["rewards"][row]))
        columns["observations"][row] = observation
        columns["actions"][row] = action
        columns["rewards"][row] = np.nan if reward is None else reward
        columns["next_observations"][row] = next_observation
        columns["terminated"][row] = terminated
        columns["ended"][row] = terminated or truncated
        self._labelled += int(reward is not None)
        self._added += 1

    def sample(
        self, count: int, rng: np.random.Generator, n_step: int = 1, discount: float = 0.99
    ) -> Transitions:
        """Draws transitions uniformly, with replacement.

        Args:
            count: number of transitions.
            rng: source of randomness.
            n_step: steps of a transition. It is shorter where its episode ends, the next step was not taken
                yet, or the next step's frame has no reward.
            discount: discount factor per step.

        Raises:
            ValueError: nothing labelled was added yet.
        """
        if not self._labelled:
            raise ValueError("the replay memory is empty")
        columns = self._columns
        held = min(self._added, self._capacity)
        if self._labelled == held:
            first = rng.integers(held, size=count)
        else:
            first = rng.choice(np.flatnonzero(~np.isnan(columns["rewards"][:held])), size=count)
        last, rewards = first.copy(), columns["rewards"][first].copy()
        discounts = np.full(count, discount, dtype=np.float32)
        going_on = ~columns["ended"][first]
        for _ in range(n_step - 1):
            following = (last + self._num_envs) % self._capacity
            # how long ago a row was written: the newest is 0, and a step that wraps past it is not there
            age = (self._added - 1 - last) % self._capacity
            going_on &= (age >= self._num_envs) & ~np.isnan(columns["rewards"][following])
            rewards[going_on] += discounts[going_on] * columns["rewards"][following[going_on]]
            discounts[going_on] *= discount
            last[going_on] = following[going_on]
            going_on &= ~columns["ended"][last]
        return Transitions(
            columns["observations"][first],
            columns["actions"][first],
            rewards,
            columns["next_observations"][last],
            columns["terminated"][last],
            discounts,
        )

    def state(self) -> dict[str, Any]:
        """Everything that it holds, for a checkpoint."""
        held = min(self._added, self._capacity)
        return {"added": self._added, **{name: rows[:held] for name, rows in self._columns.items()}}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over what ``state`` returned."""
        self._added = state["added"]
        for name, rows in self._columns.items():
            rows[: len(state[name])] = state[name]
        self._labelled = int((~np.isnan(self._columns["rewards"])).sum())
