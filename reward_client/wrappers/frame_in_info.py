"""Puts the frame after each step into its info, where a vector environment keeps it in every autoreset mode.

Not for scoring it (``vector.py``).
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs

FRAME = "vlm_frame"
"""Key of the infos under which a step's frame is."""


class FrameInInfo(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Renders after each step.

    Under ``SAME_STEP`` a vector environment resets within the step that ends an episode, so that rendering
    it afterwards shows the next episode's first frame. The info of the terminal step is kept in every mode.

    Args:
        env: an environment with the render mode ``rgb_array``.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Takes a step and renders."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, reward, terminated, truncated, {**info, FRAME: self.env.render()}
