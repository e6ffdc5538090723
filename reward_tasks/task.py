"""What a task is: everything that is particular to an environment, in one class.

Not for learning, scoring or judging: whoever does that asks the task.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # no screen needed; pygame reads it on import

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import TimeLimit
from numpy.typing import NDArray

Point = tuple[float, float]
Env = gym.Env[Any, Any]

_ORACLE_OR = "define oracle_of_truth, or oracle where it takes more than the truth"


class TaskError(ValueError):
    """A task cannot be used as asked; the message says why."""


@dataclass(frozen=True)
class Column:
    """Something that is true of a state.

    Attributes:
        name: with its unit, such as ``tilt_deg``; it names a column of a run's records.
        title: for people, such as ``tilt``.
        unit: as a rubric names it, such as ``deg``; None for none.
        period: after which a value is the same again: 360 for an angle in degrees; None for none.
        near: the size up to which a value matters most, which reports tell apart; None for none.
    """

    name: str
    title: str
    unit: str | None = None
    period: float | None = None
    near: float | None = None


class Task(ABC):
    """An environment whose truth is known.

    Args:
        options: of the environment, as ``gymnasium.make`` takes them.

    Attributes:
        env_id: name in Gymnasium's registry.
        columns: what is true of a state; the first one is what a picture of it shows above all.
        frames_per_s: of a film that runs as fast as the environment does.
        oracle_bounds: the lowest and the highest reward of ``oracle``. Controls that see nothing give rewards
            in this range: one of another sign would ask another question, whether to end an episode or not.
        survival_pays: whether an episode that fails ends early, so that any positive reward, a constant one
            too, adds up to more the longer an episode goes on; reports then say that a solved run proves
            little.
        success: in which states the task counts as done, in words; None where it is never done.

    Raises:
        TaskError: the environment takes no such option, or the task says no perfect reward.
    """

    env_id: ClassVar[str]
    columns: ClassVar[tuple[Column, ...]]
    frames_per_s: ClassVar[int]
    oracle_bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    survival_pays: ClassVar[bool] = False
    success: ClassVar[str | None] = None
    known_options: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, **options: Any) -> None:
        if unknown := sorted(set(options) - self.known_options):
            raise TaskError(f"{self.env_id} takes no option {', '.join(unknown)}")
        own = type(self)
        if own.oracle is Task.oracle and own.oracle_of_truth is Task.oracle_of_truth:
            raise TaskError(f"the task {own.__name__} is not complete: {_ORACLE_OR}")
        self.options = options

    @property
    def solved_return(self) -> float:
        """The mean of greedy episodes' own returns from which the task counts as solved: the registry's.

        Raises:
            TaskError: the registry has none, and the task says none.
        """
        threshold = gym.spec(self.env_id).reward_threshold
        if threshold is None:
            raise TaskError(f"{self.env_id} is registered without a reward_threshold; set solved_return")
        return threshold

    @property
    @abstractmethod
    def return_bounds(self) -> tuple[float, float]:
        """The lowest and the highest own return of an episode."""

    @property
    def episode_steps(self) -> int:
        """The longest episode, in steps: the registry's.

        Raises:
            TaskError: the registry has no limit, and the task says none.
        """
        steps = gym.spec(self.env_id).max_episode_steps
        if steps is None:
            raise TaskError(f"{self.env_id} is registered without max_episode_steps; set episode_steps")
        return steps

    @property
    @abstractmethod
    def observation_scale(self) -> NDArray[np.float32]:
        """``(D,)`` float32: what observations are divided by, so that their parts are about 1 in size."""

    @abstractmethod
    def truth(self, observations: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
        """What is true after a step.

        Args:
            observations: ``(B, D)``.

        Returns:
            For each of ``columns`` ``(B,)`` values.
        """

    def oracle(self, observations: NDArray[np.float32]) -> NDArray[np.float64]:
        """The rewards that a VLM without error would give: those of ``oracle_of_truth``.

        A task whose perfect reward does not follow from its columns alone says it here.

        Args:
            observations: ``(B, D)``, after the step.

        Returns:
            ``(B,)``; NaN where it gives none.

        Raises:
            TaskError: the task says neither.
        """
        rewards = self.oracle_of_truth(self.truth(observations))
        if rewards is None:
            raise TaskError(f"the task {type(self).__name__} says no perfect reward; {_ORACLE_OR}")
        return rewards

    def oracle_of_truth(self, truth: dict[str, NDArray[np.float64]]) -> NDArray[np.float64] | None:
        """``oracle`` from ``truth`` alone: what records of a run hold, which keep no observations.

        Args:
            truth: for each of ``columns`` ``(B,)`` values.

        Returns:
            ``(B,)``; None where a task does not say, and reports compare rewards with its first column.
        """
        return None

    def succeeded(self, truth: dict[str, NDArray[np.float64]]) -> NDArray[np.bool_] | None:
        """In which states the task counts as done, as ``success`` says.

        Args:
            truth: for each of ``columns`` ``(B,)`` values.

        Returns:
            ``(B,)`` bool; None where a task has no such states, or its columns do not tell.
        """
        return None

    def fully_visible(self, truth: dict[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
        """Whether a picture shows all of what ``columns`` are read from; all do where a task says no more.

        Args:
            truth: for each of ``columns`` ``(B,)`` values.

        Returns:
            ``(B,)`` bool.
        """
        return np.ones(len(next(iter(truth.values()))), dtype=np.bool_)

    @abstractmethod
    def sweep(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """States over all that a picture can show.

        Args:
            count: number of states.
            rng: source of randomness.

        Returns:
            ``(count, S)``, as ``place`` takes them one by one.
        """

    def make(self, *, frames: bool = False) -> Env:
        """Makes an environment.

        Args:
            frames: whether ``render()`` is to give ``(H, W, 3)`` uint8 RGB frames.
        """
        return gym.make(
            self.env_id, render_mode="rgb_array" if frames else None, disable_env_checker=True, **self.options
        )

    def place(self, env: Env, state: NDArray[np.float64]) -> NDArray[np.float32]:
        """Puts an environment into a state, to be rendered.

        Args:
            env: from ``make``, after its first ``reset``.
            state: ``(S,)``, one of ``sweep``.

        Returns:
            ``(D,)`` what is observed there.
        """
        env.unwrapped.state = np.array(state, dtype=np.float64)  # type: ignore[attr-defined]
        return self.observation(state)

    def observation(self, state: NDArray[np.float64]) -> NDArray[np.float32]:
        """What is observed in a state: ``(S,)`` to ``(D,)``. The state itself, where a task says no more."""
        return np.asarray(state, dtype=np.float32)

    def pointer(
        self, observation: NDArray[np.float32], value: float, unit: str | None
    ) -> tuple[Point, Point] | None:
        """Where a value that was read is drawn on the frame.

        Args:
            observation: ``(D,)``, of the frame.
            value: what was read.
            unit: its unit.

        Returns:
            Two ends of a line, in pixels from the upper left corner; None where there is nothing to draw.
        """
        return None

    def mirrored(self, observations: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """What is observed in the states whose frames are mirror images, left and right exchanged.

        Args:
            observations: ``(B, D)``.

        Returns:
            ``(B, D)``; None where a mirror image shows no state of the task.
        """
        return None

    def env_state(self, env: Env) -> dict[str, Any]:
        """Where an environment of ``make`` is, with its random state: what JSON and numpy can hold."""
        inner: Any = env.unwrapped
        return {
            "state": np.array(inner.state, dtype=np.float64),
            "elapsed_steps": _time_limit(env)._elapsed_steps,
            "rng": inner.np_random.bit_generator.state,
        }

    def restore_env(self, env: Env, state: dict[str, Any]) -> None:
        """Puts an environment of ``make`` where ``env_state`` found another one."""
        inner: Any = env.unwrapped
        inner.state = np.array(state["state"], dtype=np.float64)
        _time_limit(env)._elapsed_steps = state["elapsed_steps"]
        inner.np_random.bit_generator.state = state["rng"]


def _time_limit(env: Env) -> Any:
    while not isinstance(env, TimeLimit):
        env = env.env  # type: ignore[attr-defined] # the registry wraps all of them
    return env
