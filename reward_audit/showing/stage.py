"""Makes the frame of a job, and says what is true of it. Not for which jobs there are (``plan.py``)."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from reward_audit.showing.plan import Job
from reward_audit.showing.sweep import SweptState, render
from reward_tasks.task import Task


class Stage:
    """Shows the states of a sweep; the same job has the same frame each time.

    Args:
        task: the states'.
        states: the sweep's.
        seed: of what is random in frames.
    """

    def __init__(self, task: Task, states: Sequence[SweptState], seed: int) -> None:
        self._task, self._states, self._seed = task, states, seed
        self._env = task.make(frames=True)
        self._env.reset(seed=0)

    def frame(self, job: Job) -> NDArray[np.uint8] | bytes:
        """What is sent: a frame ``(H, W, 3)`` uint8 RGB, or a JPEG file."""
        frame = render(self._task, self._env, self._states[job.shown])
        rng = np.random.default_rng([self._seed, job.place, *job.condition.name.encode()])
        return job.condition.picture(frame, rng)

    def observation(self, job: Job) -> NDArray[np.float32]:
        """``(D,)``, what is observed in the state that the answer is held against."""
        observation = self._states[job.state].observation
        if job.condition.mirrored:
            mirrored = self._task.mirrored(observation[None])
            assert mirrored is not None  # noqa: S101 - else the condition is left out
            observation = mirrored[0]
        return observation

    def truth(self, job: Job) -> dict[str, float]:
        """What is true of that state, as columns of a row: ``true_tilt_deg``, and the oracle's reward."""
        observations = self.observation(job)[None]
        truth = {f"true_{name}": float(values[0]) for name, values in self._task.truth(observations).items()}
        return {**truth, "oracle": float(self._task.oracle(observations)[0])}

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._env.close()
