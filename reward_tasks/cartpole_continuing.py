"""CartPoleContinuing-v0: CartPole in which nothing ends early, so that survival by itself is worth nothing.

Importing this module registers it with Gymnasium.
"""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleEnv
from numpy.typing import NDArray

from reward_tasks.cartpole import UPRIGHT_DEG, CartPole

CONTINUING = "CartPoleContinuing-v0"

EPISODE_STEPS = 500
"""As CartPole-v1's longest (gymnasium/envs/__init__.py)."""

MAX_SPEED, MAX_TILT_RATE = 10.0, 25.0
"""Caps on speeds, in units of length and radians per second: above the 7 and 17 that random and one-sided
policies reach."""

SOLVED_RETURN = 475.0
"""CartPole-v1's number; here it means upright for 95 % of the time."""


class CartPoleContinuingEnv(CartPoleEnv):
    """CartPole without early termination.

    The pole may fall and swing right through below the cart; its tilt is wrapped to ±π. At an end of the
    track the cart stops. Speeds are capped, since CartPole's integrator adds energy. The reward is 1 while
    the pole is within 12 degrees of upright, else 0: an episode's return, of 500 steps in every case, is
    the share of time upright times 500.

    Args:
        any_tilt: whether episodes start from any tilt, in place of nearly upright.
        render_mode: as CartPole's.
    """

    def __init__(self, any_tilt: bool = False, render_mode: str | None = None) -> None:
        super().__init__(render_mode=render_mode)
        self._any_tilt = any_tilt
        self._high = np.array([self.x_threshold, MAX_SPEED, math.pi, MAX_TILT_RATE])
        high = self._high.astype(np.float32)
        self.observation_space = gym.spaces.Box(-high, high, dtype=np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Starts an episode; ``options`` are CartPole's."""
        super().reset(seed=seed, options=options)
        if self._any_tilt:
            self.state[2] = self.np_random.uniform(-math.pi, math.pi)  # type: ignore[index] # reset() made it
        return self._observation(), {}

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Takes one step; an episode ends by its time limit only."""
        super().step(action)  # type: ignore[no-untyped-call]
        self.steps_beyond_terminated = None  # CartPole's own end of an episode does not count here
        x, x_dot, theta, theta_dot = self.state  # type: ignore[misc] # reset() made it
        if abs(x) >= self.x_threshold:
            x = math.copysign(self.x_threshold, x)
            x_dot = 0.0 if x * x_dot > 0 else x_dot
        theta = (theta + math.pi) % (2 * math.pi) - math.pi
        self.state = np.clip((x, x_dot, theta, theta_dot), -self._high, self._high)
        upright = abs(math.degrees(theta)) <= UPRIGHT_DEG
        return self._observation(), float(upright), False, False, {}

    def _observation(self) -> NDArray[np.float32]:
        observation: NDArray[np.float32] = np.asarray(self.state, dtype=np.float32)
        return observation


gym.register(
    CONTINUING,
    entry_point="reward_tasks.cartpole_continuing:CartPoleContinuingEnv",
    max_episode_steps=EPISODE_STEPS,
    reward_threshold=SOLVED_RETURN,
)


class CartPoleContinuing(CartPole):
    """CartPoleContinuing-v0; its state is CartPole's."""

    env_id = CONTINUING
    known_options = frozenset({"any_tilt"})

    def sweep(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Carts all over the track, and tilts all round."""
        states = super().sweep(count, rng)
        states[:, 2] = rng.uniform(-math.pi, math.pi, count)
        return states
