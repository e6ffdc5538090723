"""What a learner of a task sees and may do. Not for learning (``dqn.py``)."""

from __future__ import annotations

from dataclasses import dataclass

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from agent.config import ConfigError
from reward_tasks.task import Task


@dataclass(frozen=True)
class Spaces:
    """What a learner sees and may do.

    Attributes:
        observation_scale: ``(D,)`` float32, what observations are divided by.
        actions: how many there are.
    """

    observation_scale: NDArray[np.float32]
    actions: int


def spaces_of(task: Task) -> Spaces:
    """What a learner of a task sees and may do.

    Raises:
        ConfigError: its actions are not a few to choose from, which DQN needs.
    """
    env = task.make()
    space = env.action_space
    env.close()
    if not isinstance(space, gym.spaces.Discrete):
        raise ConfigError(f"--task: the actions of {task.env_id} are {space}; DQN learns discrete ones alone")
    return Spaces(task.observation_scale, int(space.n))
