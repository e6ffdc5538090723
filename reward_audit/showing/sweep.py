"""The states that an audit shows: all over the task, where policies go, and scripted falls and recoveries.

Nothing here learns. A trained policy is one that looks a few steps ahead in the environment itself and knows
what a perfect reward would be; a half-trained one does so every other step. Not for what is made of a frame
(``nulls.py``, ``robustness.py``).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from reward_tasks.task import Env, Task, TaskError

HORIZON_STEPS = 16
"""How far the policy looks. With this and no learning it holds CartPole's pole for 300 steps, reaches
MountainCar's flag, Acrobot's line and Pendulum's top; 32, 64 and 128 steps were worse on one of them."""

COMMITTED_STEPS = 2
"""Steps of a plan that are taken before the next look."""

POOL = 4
"""Of so many steps for each state that is kept, one is: neighbours on a path look alike."""

FALL_STEPS = (5, 30)
"""How long one action is held to make something fall: drawn from this range, its end excluded."""

RECOVERY_STEPS = 40
"""How long a recovery is followed."""


class Source(StrEnum):
    """Where a state comes from."""

    GRID = "grid"
    """all over what a picture of the task can show"""
    RANDOM = "random"
    """visited by a random policy"""
    HALF_TRAINED = "half_trained"
    """visited by the policy that looks ahead, with every other action random"""
    TRAINED = "trained"
    """visited by the policy that looks ahead"""
    FALL = "fall"
    """one action, held"""
    RECOVERY = "recovery"
    """the policy that looks ahead, from halfway through a fall"""


@dataclass(frozen=True)
class SweptState:
    """One state.

    Attributes:
        source: where it comes from.
        saved: as ``Task.restore_env`` takes it.
        observation: ``(D,)`` float32, what is observed there.
    """

    source: Source
    saved: dict[str, Any]
    observation: NDArray[np.float32]


def sweep_states(task: Task, counts: Mapping[Source, int], seed: int) -> list[SweptState]:
    """The states of a sweep, one source after the other.

    Args:
        task: whose.
        counts: how many of each source.
        seed: the same seed gives the same states.
    """
    makers: dict[Source, Callable[[int, np.random.Generator], list[SweptState]]] = {
        Source.GRID: lambda count, rng: _grid(task, count, rng),
        Source.RANDOM: lambda count, rng: _visited(task, Source.RANDOM, 1.0, count, rng),
        Source.HALF_TRAINED: lambda count, rng: _visited(task, Source.HALF_TRAINED, 0.5, count, rng),
        Source.TRAINED: lambda count, rng: _visited(task, Source.TRAINED, 0.0, count, rng),
        Source.FALL: lambda count, rng: _thinned(_fallen(task, rng), count, rng),
        Source.RECOVERY: lambda count, rng: _thinned(_recoveries(task, rng), count, rng),
    }
    sources = list(Source)
    return [
        state
        for source, count in counts.items()
        if count
        for state in makers[source](count, np.random.default_rng([seed, sources.index(source)]))
    ]


def render(task: Task, env: Env, state: SweptState) -> NDArray[np.uint8]:
    """The frame of a state, ``(H, W, 3)`` uint8 RGB.

    Args:
        task: the state's.
        env: from ``task.make(frames=True)``, after its first ``reset``.
        state: from ``sweep_states``.
    """
    task.restore_env(env, state.saved)
    return np.array(env.render(), dtype=np.uint8)


def actions_of(env: Env) -> list[Any]:
    """All actions of an environment; of continuous ones the ends and the middle of their range."""
    space = env.action_space
    if isinstance(space, gym.spaces.Discrete):
        return [int(space.start) + number for number in range(int(space.n))]
    if isinstance(space, gym.spaces.Box):
        return [space.low, (space.low + space.high) / 2, space.high]
    raise TaskError(f"an audit knows no policy for actions in {space}")


class LookAhead:
    """A policy without learning: it tries plans in a second environment, and follows the best for two steps.

    A plan holds one action, then another one. The best plan has the highest sum of the task's oracle rewards
    over ``HORIZON_STEPS``; after an episode's end a step is worth 0.

    Args:
        task: whose environment is acted in.
    """

    def __init__(self, task: Task) -> None:
        self._task, self._trial = task, task.make()
        self._trial.reset(seed=0)
        actions = actions_of(self._trial)
        switches = [HORIZON_STEPS // 2**k for k in range(1, 5)]
        self._plans = [
            [first] * step + [second] * (HORIZON_STEPS - step)
            for first, second in itertools.product(actions, repeat=2)
            for step in (switches if first is not second else [HORIZON_STEPS])
        ]
        self._committed: list[Any] = []

    def act(self, env: Env) -> Any:
        """The next action in an environment, which stays as it is."""
        if not self._committed:
            state = self._task.env_state(env)
            worth = [self._worth(state, plan) for plan in self._plans]
            self._committed = self._plans[int(np.argmax(worth))][:COMMITTED_STEPS]
        return self._committed.pop(0)

    def forget(self) -> None:
        """Drops the plan: the environment is somewhere else now."""
        self._committed = []

    def close(self) -> None:
        """Closes the second environment."""
        self._trial.close()

    def _worth(self, state: dict[str, Any], plan: list[Any]) -> float:
        self._trial.reset()  # what an environment keeps beside its state, such as that its episode is over
        self._task.restore_env(self._trial, state)
        inner, seen = self._trial.unwrapped, []  # without the time limit
        for action in plan:
            observation, _, terminated, *_ = inner.step(action)
            seen.append(observation)
            if terminated:
                break
        return float(self._task.oracle(np.asarray(seen, dtype=np.float32)).sum())


def _grid(task: Task, count: int, rng: np.random.Generator) -> list[SweptState]:
    """States all over the task whose frames show what is to be read; beyond a frame's edge nobody can."""
    env, states = task.make(), list[SweptState]()
    with closing(env):
        env.reset(seed=0)
        while len(states) < count:
            drawn = task.sweep(count, rng)
            observations = np.stack([task.observation(state) for state in drawn])
            for state in drawn[task.fully_visible(task.truth(observations))][: count - len(states)]:
                observation = task.place(env, state)
                states.append(SweptState(Source.GRID, task.env_state(env), observation))
    return states


def _visited(
    task: Task, source: Source, random_share: float, count: int, rng: np.random.Generator
) -> list[SweptState]:
    return _thinned(_episodes(task, source, random_share, rng, POOL * count // 2), count, rng)


def _episodes(
    task: Task, source: Source, random_share: float, rng: np.random.Generator, longest: int
) -> Generator[SweptState, None, None]:
    """The states after each step of one episode after the other, without an end; at least two in a pool."""
    with ExitStack() as stack:
        env = stack.enter_context(closing(task.make()))
        policy = stack.enter_context(closing(LookAhead(task))) if random_share < 1 else None
        env.action_space.seed(int(rng.integers(2**31)))
        while True:
            env.reset(seed=int(rng.integers(2**31)))
            if policy is not None:
                policy.forget()
            for _ in range(max(1, longest)):
                at_random = rng.random() < random_share
                if policy is None:
                    action = env.action_space.sample()
                elif at_random:
                    action = env.action_space.sample()
                    policy.forget()
                else:
                    action = policy.act(env)
                observation, _, terminated, truncated, _ = env.step(action)
                yield _state(task, env, source, observation)
                if terminated or truncated:
                    break


def _falls(task: Task, rng: np.random.Generator) -> Generator[list[SweptState], None, None]:
    """One fall after the other, without an end."""
    with closing(task.make()) as env:
        actions = actions_of(env)
        while True:
            env.reset(seed=int(rng.integers(2**31)))
            action, fall = actions[int(rng.integers(len(actions)))], list[SweptState]()
            for _ in range(int(rng.integers(*FALL_STEPS))):
                observation, _, terminated, *_ = env.step(action)
                fall.append(_state(task, env, Source.FALL, observation))
                if terminated:
                    break
            yield fall


def _fallen(task: Task, rng: np.random.Generator) -> Generator[SweptState, None, None]:
    """The states of falls, without an end."""
    with closing(_falls(task, rng)) as falls:
        for fall in falls:
            yield from fall


def _recoveries(task: Task, rng: np.random.Generator) -> Generator[SweptState, None, None]:
    """The states of recoveries, each from halfway through a fall, without an end."""
    with ExitStack() as stack:
        falls = stack.enter_context(closing(_falls(task, rng)))
        env = stack.enter_context(closing(task.make()))
        policy = stack.enter_context(closing(LookAhead(task)))
        for fall in falls:
            env.reset()  # the episode is not over halfway
            task.restore_env(env, fall[(len(fall) - 1) // 2].saved)
            policy.forget()
            for _ in range(RECOVERY_STEPS):
                observation, _, terminated, truncated, _ = env.step(policy.act(env))
                yield _state(task, env, Source.RECOVERY, observation)
                if terminated or truncated:
                    break


def _state(task: Task, env: Env, source: Source, observation: Any) -> SweptState:
    return SweptState(source, task.env_state(env), np.asarray(observation, dtype=np.float32))


def _thinned(
    path: Generator[SweptState, None, None], count: int, rng: np.random.Generator
) -> list[SweptState]:
    """Some states of a path, in its order."""
    with closing(path):  # and so its environments
        pool = list(itertools.islice(path, POOL * count))
    return [pool[place] for place in sorted(rng.choice(len(pool), count, replace=False))]
