"""Acrobot-v1: two links that hang from a joint, driven between them; the tip is to rise above a line."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from reward_tasks.task import Column, Point, Task

_SIDE_PX = 500.0
_POINTER_PX = 80.0


class Acrobot(Task):
    """Acrobot-v1.

    A state is ``(angle of the first link from hanging, angle between the links, both rates)`` in radians; an
    observation is ``(cos, sin, cos, sin, both rates)``.
    """

    env_id = "Acrobot-v1"
    columns = (
        Column("tip_height", "height of the tip"),
        Column("first_link_deg", "first link", "deg", 360.0),
    )
    frames_per_s = 15
    oracle_bounds = (-1.0, 0.0)
    success = "the tip is above the line"

    @property
    def return_bounds(self) -> tuple[float, float]:
        """-1 a step until the tip is above the line."""
        return -float(self.episode_steps), 0.0

    @property
    def observation_scale(self) -> NDArray[np.float32]:
        """Sines and cosines as they are, rates by half of the highest (classic_control/acrobot.py)."""
        return np.array([1.0, 1.0, 1.0, 1.0, 2 * math.pi, 4.5 * math.pi], dtype=np.float32)

    def truth(self, observations: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
        """How high the tip is, from -2 (hanging) to 2, and the first link's angle from hanging."""
        cos_1, sin_1, cos_2, sin_2 = observations[:, :4].astype(np.float64).T
        return {
            # the environment's own: -cos a - cos(a + b)
            "tip_height": -cos_1 - (cos_1 * cos_2 - sin_1 * sin_2),
            "first_link_deg": np.degrees(np.arctan2(sin_1, cos_1)),
        }

    def oracle_of_truth(self, truth: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """The tip's height, from -1 (hanging) to 0: at most 0 a step, so that finishing is best."""
        return (truth["tip_height"] - 2.0) / 4.0

    def succeeded(self, truth: dict[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
        """Whether the tip is above the line, one link's length above the joint, where an episode ends."""
        return np.asarray(truth["tip_height"] > 1.0)

    def sweep(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Both angles all round."""
        states = np.zeros((count, 4))
        states[:, :2] = rng.uniform(-math.pi, math.pi, (count, 2))
        return states

    def observation(self, state: NDArray[np.float64]) -> NDArray[np.float32]:
        """Cosine and sine of both angles, and both rates."""
        first, second = state[:2]
        return np.array(
            [math.cos(first), math.sin(first), math.cos(second), math.sin(second), *state[2:]],
            dtype=np.float32,
        )

    def mirrored(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Both links on the other side."""
        return observations * np.array([1.0, -1.0, 1.0, -1.0, -1.0, -1.0], dtype=np.float32)

    def pointer(
        self, observation: NDArray[np.float32], value: float, unit: str | None
    ) -> tuple[Point, Point] | None:
        """A needle from the joint along the first link as it was read."""
        if unit != "deg":
            return None
        centre, angle, length = _SIDE_PX / 2, math.radians(value), _POINTER_PX
        return (centre, centre), (centre + length * math.sin(angle), centre + length * math.cos(angle))
