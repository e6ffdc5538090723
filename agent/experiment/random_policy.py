"""What a policy of random actions earns on a task: the floor under the scores of an experiment.

Not for learned policies (``training/evaluate.py``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from agent.config import TrainConfig
from agent.training.evaluate import EVAL_SEED, true_returns
from agent.training.learner.spaces import spaces_of

RANDOM_POLICY = "random_policy.json"
"""In an experiment's folder: for each task the return, and what it depends on."""

EPISODES = 100
ACTION_SEED = 0


def random_return(folder: Path, config: TrainConfig) -> float:
    """Mean true return of a policy that takes every action equally often.

    It is played once; the folder keeps it.

    Args:
        folder: of the experiment.
        config: of a run on the task.
    """
    path, what = folder / RANDOM_POLICY, _what(config)
    kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    entry = kept.get(config.task, {})
    if {**entry, "mean_return": None} != {**what, "mean_return": None}:
        entry = {**what, "mean_return": _play(config)}
        part = path.with_name(f"{RANDOM_POLICY}.part")
        part.write_text(json.dumps({**kept, config.task: entry}, indent=2) + "\n")
        part.replace(path)
    return float(entry["mean_return"])


def _what(config: TrainConfig) -> dict[str, Any]:
    """What determines the return."""
    return {
        "options": config.find_task().options,
        "episodes": EPISODES,
        "episode_seeds_from": EVAL_SEED,
        "action_seed": ACTION_SEED,
        "gymnasium": gymnasium.__version__,
        "numpy": np.__version__,
    }


def _play(config: TrainConfig) -> float:
    task, rng = config.find_task(), np.random.default_rng(ACTION_SEED)
    actions = spaces_of(task).actions

    def act(observations: NDArray[np.float32]) -> NDArray[np.int64]:
        return rng.integers(actions, size=len(observations))

    return float(true_returns(act, EPISODES, task).mean())
