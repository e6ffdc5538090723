"""What a policy of random actions earns on a task: the floor under the scores of an experiment.

Not for learned policies (``training/evaluate.py``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agent.config import TrainConfig
from agent.training.evaluate import true_returns
from agent.training.learner.spaces import spaces_of

EPISODES = 100
ACTION_SEED = 0


def random_return(config: TrainConfig) -> float:
    """Mean true return of a policy that takes every action equally often; the same each time.

    Args:
        config: of a run on the task.
    """
    task, rng = config.find_task(), np.random.default_rng(ACTION_SEED)
    actions = spaces_of(task).actions

    def act(observations: NDArray[np.float32]) -> NDArray[np.int64]:
        return rng.integers(actions, size=len(observations))

    return float(true_returns(act, EPISODES, task).mean())
