"""CartPole-v1: a pole on a cart; an episode ends where the pole leans too far or the cart leaves."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from reward_tasks.task import Column, Point, Task

UPRIGHT_DEG = 12.0
"""The tilt up to which a pole is upright: where CartPole-v1 ends an episode
(gymnasium/envs/classic_control/cartpole.py)."""

_AXLE_Y_PX = 300.0 - 7.5  # the renderer's: the cart's line at 100 px from below, axle a quarter cart up
_PX_PER_UNIT = 600.0 / 4.8
_NEEDLE_PX = 165.0
_WIDTH_PX, _HALF_POLE_PX, _TIP_PX = 600.0, 5.0, 120.0  # a pole is 10 wide, and its tip 120 from the axle


class CartPole(Task):
    """CartPole-v1. A state is ``(position, speed, tilt in radians, its rate)``, as is an observation."""

    env_id = "CartPole-v1"
    columns = (
        Column("tilt_deg", "tilt", "deg", 360.0, near=UPRIGHT_DEG),
        Column("cart_position", "cart position"),
    )
    frames_per_s = 50  # a step is 20 ms
    survival_pays = True
    success = "the pole is within 12 degrees of upright"

    @property
    def return_bounds(self) -> tuple[float, float]:
        """1 a step."""
        return 0.0, float(self.episode_steps)

    @property
    def observation_scale(self) -> NDArray[np.float32]:
        """The limits of position and tilt at which an episode ends, and usual speeds.

        A tilt in radians is else the smallest input, though it matters most.
        """
        return np.array([2.4, 2.0, math.radians(UPRIGHT_DEG), 2.0], dtype=np.float32)

    def truth(self, observations: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
        """The tilt, right positive, and where the cart is, from -2.4 to 2.4."""
        wide = observations.astype(np.float64)
        return {"tilt_deg": np.degrees(wide[:, 2]), "cart_position": wide[:, 0]}

    def oracle_of_truth(self, truth: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """1 upright, falling linearly to 0 at 12 degrees, as the rubric cartpole-angle's map.

        >>> CartPole().oracle_of_truth({"tilt_deg": np.array([0.0, -6.0, 12.0, 90.0])}).tolist()
        [1.0, 0.5, 0.0, 0.0]
        """
        return np.asarray(1.0 - np.minimum(np.abs(truth["tilt_deg"]) / UPRIGHT_DEG, 1.0))

    def succeeded(self, truth: dict[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
        """Whether the pole is upright; CartPole-v1 ends an episode where it is not."""
        return np.asarray(np.abs(truth["tilt_deg"]) <= UPRIGHT_DEG)

    def fully_visible(self, truth: dict[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
        """Whether the pole, axle and tip, lies between the sides of the picture.

        A cart at an end of the track hides half of its pole, and all of one that leans outwards.

        >>> ends = {"tilt_deg": np.array([0.0, -20.0, 20.0]), "cart_position": np.array([0.0, 2.2, 2.2])}
        >>> CartPole().fully_visible(ends).tolist()
        [True, True, False]
        """
        axle = _WIDTH_PX / 2 + truth["cart_position"] * _PX_PER_UNIT
        tip = axle + _TIP_PX * np.sin(np.radians(truth["tilt_deg"]))
        leftmost, rightmost = np.minimum(axle, tip), np.maximum(axle, tip)
        return np.asarray((leftmost >= _HALF_POLE_PX) & (rightmost <= _WIDTH_PX - _HALF_POLE_PX))

    def sweep(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Carts all over the track, and tilts a little beyond those at which an episode ends."""
        states = np.zeros((count, 4))
        states[:, 0] = rng.uniform(-2.4, 2.4, count)
        states[:, 2] = np.radians(rng.uniform(-15.0, 15.0, count))
        return states

    def mirrored(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """The cart on the other side, and the pole leaning there."""
        return -observations

    def pointer(
        self, observation: NDArray[np.float32], value: float, unit: str | None
    ) -> tuple[Point, Point] | None:
        """A needle from the axle, leaning as was read."""
        if unit != "deg":
            return None
        x, tip = 300.0 + float(observation[0]) * _PX_PER_UNIT, math.radians(value)
        return (x, _AXLE_Y_PX), (x + _NEEDLE_PX * math.sin(tip), _AXLE_Y_PX - _NEEDLE_PX * math.cos(tip))
