"""Pendulum-v1: a rod that is to be swung up and held upright. Its actions are continuous."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_tasks.task import Column, Env, Point, Task

MAX_TORQUE = 2.0
_SIDE_PX = 500.0
_ROD_PX = _SIDE_PX / 4.4  # the renderer shows 2.2 to each side, and the rod is 1 long


class Pendulum(Task):
    """Pendulum-v1.

    A state is ``(angle from upright, its rate, last torque)`` in radians, left positive as Gymnasium counts;
    the torque, which the renderer draws as an arrow round the joint, may be left out. An observation is
    ``(cos, sin, rate)``.
    """

    env_id = "Pendulum-v1"
    columns = (Column("tilt_deg", "tilt", "deg", 360.0),)
    frames_per_s = 30

    @property
    def solved_return(self) -> float:
        """Ours, since the registry has none: swung up at once and held."""
        return -200.0

    @property
    def return_bounds(self) -> tuple[float, float]:
        """The lowest reward is ``-(pi^2 + 0.1 * 8^2 + 0.001 * 2^2)`` a step (classic_control/pendulum.py)."""
        return -self.episode_steps * (math.pi**2 + 6.4 + 0.004), 0.0

    @property
    def observation_scale(self) -> NDArray[np.float32]:
        """Sine and cosine as they are, the rate by its limit (gymnasium/envs/classic_control/pendulum.py)."""
        return np.array([1.0, 1.0, 8.0], dtype=np.float32)

    def truth(self, observations: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
        """The tilt from upright, right positive as in every task here."""
        cos, sin = observations[:, :2].astype(np.float64).T
        return {"tilt_deg": -np.degrees(np.arctan2(sin, cos))}

    def oracle_of_truth(self, truth: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """1 upright, falling linearly to 0 where it hangs."""
        return np.asarray(1.0 - np.abs(truth["tilt_deg"]) / 180.0)

    def sweep(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Angles all round, with every torque."""
        states = np.zeros((count, 3))
        states[:, 0] = rng.uniform(-math.pi, math.pi, count)
        states[:, 2] = rng.uniform(-MAX_TORQUE, MAX_TORQUE, count)
        return states

    def place(self, env: Env, state: NDArray[np.float64]) -> NDArray[np.float32]:
        """As every task, with the last torque, which is no part of the environment's own state."""
        env.unwrapped.last_u = float(state[2]) if len(state) > 2 else None  # type: ignore[attr-defined]
        super().place(env, state[:2])
        return self.observation(state)

    def observation(self, state: NDArray[np.float64]) -> NDArray[np.float32]:
        """Cosine and sine of the angle, and its rate."""
        return np.array([math.cos(state[0]), math.sin(state[0]), state[1]], dtype=np.float32)

    def mirrored(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """The rod on the other side."""
        return observations * np.array([1.0, -1.0, -1.0], dtype=np.float32)

    def env_state(self, env: Env) -> dict[str, Any]:
        """With the last torque, which the renderer draws."""
        torque: Any = env.unwrapped.last_u  # type: ignore[attr-defined]
        return {**super().env_state(env), "last_u": None if torque is None else float(torque)}

    def restore_env(self, env: Env, state: dict[str, Any]) -> None:
        """With the last torque."""
        super().restore_env(env, state)
        env.unwrapped.last_u = state["last_u"]  # type: ignore[attr-defined]

    def pointer(
        self, observation: NDArray[np.float32], value: float, unit: str | None
    ) -> tuple[Point, Point] | None:
        """A needle along the rod as it was read."""
        if unit != "deg":
            return None
        centre, tip = _SIDE_PX / 2, math.radians(value)
        return (centre, centre), (centre + _ROD_PX * math.sin(tip), centre - _ROD_PX * math.cos(tip))
