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
"""Caps on speeds, in units of length and radians per second: above the 7 and 20 that random and one-sided
policies reach. A policy that drives back and forth to spin the pole reaches them."""

SOLVED_RETURN = 475.0
"""CartPole-v1's number; here it means upright for 95 % of the time, which is 95 % of the best return."""

BEST_RETURN_ANY_TILT = 458.0
"""The best mean return from any tilt, since a swing-up takes time: from 500 near upright to 431 hanging.

Measured for this environment on 200 start states, a beam search over action sequences for each (20,000
states a step, no two in one cell, and an LQR that holds the pole at the end): 456.4; with 80,000 states 1.4
more on 24 of them. A search finds returns that can be reached, so the best one is at least as high. A
controller that pumps energy and holds with an LQR has 441."""

SOLVED_RETURN_ANY_TILT = 435.0
"""95 % of the best, as near upright."""


class CartPoleContinuingEnv(CartPoleEnv):
    """CartPole without early termination.

    The pole may fall and swing right through below the cart; its tilt is wrapped to ±π. At each end of the
    track is a wall, at which the cart stops dead, while the pole swings on: whoever drives into a wall tips
    the pole over towards it, and while the cart is pressed against a wall, the pole turns about a pivot that
    stands still. Speeds are capped, since CartPole's integrator adds energy. The reward is 1 while the pole
    is within 12 degrees of upright, else 0: an episode's return, of 500 steps in every case, is the share
    of time upright times 500.

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
        theta_before = self.state[2]  # type: ignore[index] # reset() made it
        super().step(action)  # type: ignore[no-untyped-call]
        self.steps_beyond_terminated = None  # CartPole's own end of an episode does not count here
        x, x_dot, theta, theta_dot = self.state  # type: ignore[misc] # reset() made it
        if abs(x) >= self.x_threshold:
            x = math.copysign(self.x_threshold, x)
            if x * x_dot > 0:  # a wall only pushes: it does not hold a cart that leaves it
                theta_dot += self._kick(theta_before, -x_dot)
                x_dot = 0.0
        theta = (theta + math.pi) % (2 * math.pi) - math.pi
        self.state = np.clip((x, x_dot, theta, theta_dot), -self._high, self._high)
        upright = abs(math.degrees(theta)) <= UPRIGHT_DEG
        return self._observation(), float(upright), False, False, {}

    def _kick(self, theta: float, x_dot_change: float) -> float:
        """How much the pole's rate changes where a wall changes the cart's speed.

        A pole whose pivot has the acceleration a obeys theta'' = (g sin(theta) - a cos(theta)) / (4 l / 3),
        with l half its length. (CartPole's own equation is this one, with a put in for the force on the
        cart.) A stop takes no time, so gravity adds nothing, and the integral of a is the cart's change of
        speed. For a cart that is pressed against a wall, the wall takes back the speed that a step's force
        gave it; the same formula then leaves theta'' = 3 g sin(theta) / (4 l), a pivot that stands still.

        Args:
            theta: the tilt for which the step's accelerations were computed, in radians.
            x_dot_change: of the cart's speed, in units of length per second.

        Returns:
            Radians per second.
        """
        return -3.0 * math.cos(theta) / (4.0 * self.length) * x_dot_change  # self.length is half the pole's

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
    survival_pays = False  # all episodes are equally long

    @property
    def solved_return(self) -> float:
        """95 % of the best mean return, which is lower where episodes start from any tilt."""
        return SOLVED_RETURN_ANY_TILT if self.options.get("any_tilt") else super().solved_return

    def sweep(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Carts all over the track, and tilts all round."""
        states = super().sweep(count, rng)
        states[:, 2] = rng.uniform(-math.pi, math.pi, count)
        return states
