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
        ConfigError: its actions are not a few to choose from, which DQN needs; or its observations are no
            vector, or of another length than their scale.
    """
    env = task.make()
    actions, seen = env.action_space, env.observation_space
    env.close()
    if not isinstance(actions, gym.spaces.Discrete) or actions.start != 0:
        raise ConfigError(
            f"--task: the actions of {task.env_id} are {actions}; DQN learns discrete ones that begin at 0"
        )
    scale = np.asarray(task.observation_scale, dtype=np.float32)
    if not isinstance(seen, gym.spaces.Box) or len(seen.shape) != 1 or seen.shape != scale.shape:
        raise ConfigError(
            f"--task: the observations of {task.env_id} are {seen}, and observation_scale has the shape "
            f"{scale.shape}; the learner takes a Box of one dimension, and a scale for each of its numbers"
        )
    return Spaces(scale, int(actions.n))
