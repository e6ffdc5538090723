"""Renders CartPole at chosen states, and draws the states of a training or test set.

Not for playing episodes: nothing here steps the environment.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # no screen needed; pygame reads it on import

TRACK_HALF_WIDTH = 2.5
"""Training draws cart positions from +-2.5: CartPole ends beyond 2.4, and its last frame counts too."""

PICTURE_HALF_WIDTH = 2.4
"""The track, and what the renderer shows of it. Beyond, the cart's centre is off the picture, and of a
pole that leans outwards nothing is seen."""

NEAR_DEG = 15.0
"""Half of all frames are drawn from +-15 degrees, where stock CartPole is played (it ends at 12)."""

WIDE_DEG = 95.0
"""Most others from +-95 degrees, so that +-90 is not the edge of what was seen."""

SHARE_NEAR, SHARE_WIDE = 0.5, 0.38
"""Shares of frames drawn from these two ranges; the rest is drawn from the whole circle."""


def sample_states(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draws states for a training set: half near upright, the others over all tilts.

    Args:
        count: number of states.
        rng: source of randomness.

    Returns:
        ``(count, 2)`` array of cart position (CartPole's units) and tilt (degrees, left negative).
    """
    position = rng.uniform(-TRACK_HALF_WIDTH, TRACK_HALF_WIDTH, count)
    near = rng.uniform(-NEAR_DEG, NEAR_DEG, count)
    wide = rng.uniform(-WIDE_DEG, WIDE_DEG, count)
    anywhere = rng.uniform(-180.0, 180.0, count)
    share = rng.random(count)
    angle_deg = np.select([share < SHARE_NEAR, share < SHARE_NEAR + SHARE_WIDE], [near, wide], anywhere)
    return np.stack([position, angle_deg], axis=1)


def render_states(states: NDArray[np.float64]) -> Iterator[NDArray[np.uint8]]:
    """Renders each state with CartPole-v1's own renderer.

    Args:
        states: ``(N, 2)`` array of cart position and tilt in degrees, left negative.

    Yields:
        ``(400, 600, 3)`` uint8 RGB frames, in order.
    """
    env = gym.make("CartPole-v1", render_mode="rgb_array")
    env.reset(seed=0)
    try:
        for position, angle_deg in states:
            env.unwrapped.state = (position, 0.0, math.radians(angle_deg), 0.0)  # type: ignore[attr-defined]
            yield env.render()  # type: ignore[misc]
    finally:
        env.close()
