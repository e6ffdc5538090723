"""MountainCar-v0: a car between two hills, too weak to climb the right one without a swing."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from reward_tasks.task import Column, Point, Task

LEFT_END, RIGHT_END = -1.2, 0.6
"""Of the track (gymnasium/envs/classic_control/mountain_car.py)."""

FLAG = 0.5
"""Where the flag stands, the environment's ``goal_position``."""

MAX_SPEED = 0.07
_WIDTH_PX, _HEIGHT_PX = 600.0, 400.0
_PX_PER_UNIT = _WIDTH_PX / (RIGHT_END - LEFT_END)
_POINTER_PX = 60.0


class MountainCar(Task):
    """MountainCar-v0. A state is ``(position, speed)``, as is an observation."""

    env_id = "MountainCar-v0"
    columns = (Column("car_position", "car position", "track"), Column("car_height", "car height"))
    frames_per_s = 30
    oracle_bounds = (-1.0, 0.0)
    success = "the car is at the flag, or beyond it"

    @property
    def return_bounds(self) -> tuple[float, float]:
        """-1 a step until the flag."""
        return -float(self.episode_steps), 0.0

    @property
    def observation_scale(self) -> NDArray[np.float32]:
        """The ends of the track, and the highest speed."""
        return np.array([-LEFT_END, MAX_SPEED], dtype=np.float32)

    def truth(self, observations: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
        """Where the car is, from -1.2 to 0.6, and how high it stands: 0 in the valley, 1 on a hill."""
        position = observations[:, 0].astype(np.float64)
        return {"car_position": position, "car_height": height(position)}

    def oracle_of_truth(self, truth: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """The car's height less 1.

        At most 0 a step, so that an episode that ends at the flag is better than any that hovers near it:
        a reward above 0 would be collected for as long as the car does not finish.

        >>> MountainCar().oracle(np.array([[-math.pi / 6, 0], [math.pi / 6, 0]])).round(3).tolist()
        [-1.0, 0.0]
        """
        return truth["car_height"] - 1.0

    def succeeded(self, truth: dict[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
        """Whether the flag is reached, where the environment ends an episode."""
        return np.asarray(truth["car_position"] >= FLAG)

    def sweep(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Cars all over the track."""
        states = np.zeros((count, 2))
        states[:, 0] = rng.uniform(LEFT_END, RIGHT_END, count)
        return states

    def pointer(
        self, observation: NDArray[np.float32], value: float, unit: str | None
    ) -> tuple[Point, Point] | None:
        """A needle that stands on the track where the car was read to be."""
        if unit != "track" or not LEFT_END <= value <= RIGHT_END:
            return None
        x = (value - LEFT_END) * _PX_PER_UNIT
        ground = _HEIGHT_PX - (0.45 * math.sin(3 * value) + 0.55) * _PX_PER_UNIT  # the renderer's curve
        return (x, ground), (x, ground - _POINTER_PX)


def height(position: NDArray[np.float64]) -> NDArray[np.float64]:
    """How high the track is: 0 in the valley, 1 on a hill (the environment's ``sin 3x``)."""
    return np.asarray((np.sin(3.0 * position) + 1.0) / 2.0)
