"""An environment whose frames tell its step, and a client that reads them, for tests of the wrappers.

Not for tests of the client itself (``graded.py``). Both can be sent to other processes.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from reward_client.errors import UnavailableError
from reward_client.schema import ScoreResponse
from reward_client.wording.ensemble import AnyRubric
from tests.fakes import response

TRUE_REWARD = 1.0
LENGTH = 4


class Shade(gym.Env[NDArray[np.float32], np.int64]):
    """A grey frame that is lighter by 1 after each step; a reset takes it back to ``first``.

    It renders into one buffer and gives a view of it, so that a frame is only right until the next one.
    """

    metadata = {"render_modes": ["human", "rgb_array"], "render_fps": 10}  # noqa: RUF012 - Gymnasium's own
    observation_space = gym.spaces.Box(0.0, 255.0, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, render_mode: str | None = None, first: int = 10, length: int = LENGTH) -> None:
        self.render_mode = render_mode
        self.first, self.length, self.steps = first, length, 0
        self.buffer = np.zeros((8, 8, 3), np.uint8)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return self._observation(), {}

    def step(self, action: np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        self.steps += 1
        return self._observation(), TRUE_REWARD, self.steps == self.length, False, {}

    def render(self) -> Any:
        if self.render_mode != "rgb_array":
            return None
        self.buffer[:] = self.first + self.steps
        return self.buffer[::-1]

    def _observation(self) -> NDArray[np.float32]:
        return np.array([self.steps], np.float32)


class ShadeClient:
    """Rewards a frame with its shade.

    Args:
        nulls: shades that have no reward.
        delay_s: how long an answer takes.
    """

    def __init__(self, nulls: Sequence[int] = (), delay_s: float = 0.0) -> None:
        self.nulls, self.delay_s = tuple(nulls), delay_s
        self.reward_id = "abc"
        self.gone = False
        self.calls: list[list[int]] = []
        self.asked: list[AnyRubric] = []

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: AnyRubric) -> ScoreResponse:
        time.sleep(self.delay_s)
        shades = [int(frame[0, 0, 0]) for frame in frames]
        self.calls.append(shades)
        self.asked.append(rubric)
        if self.gone:
            raise UnavailableError("gone")
        answer = response([None if shade in self.nulls else float(shade) for shade in shades])
        return answer.model_copy(update={"reward_id": self.reward_id})


gym.register("Shade-v0", entry_point="tests.reward_client.shades:Shade", max_episode_steps=50)
