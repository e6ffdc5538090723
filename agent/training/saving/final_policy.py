"""The policy that a finished run ended with: written when training ends, and read back to play.

Not for going on with a run, which takes its whole state (``run_state.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from agent.config import DqnConfig, TrainConfig, task_of
from agent.recording.run_folder import POLICY, read_finished
from agent.training.learner.dqn import Learner, acting_weights, greedy_actions
from agent.training.learner.spaces import Spaces, spaces_of
from agent.training.saving import checkpoint_file
from agent.training.saving.checkpoint_file import CheckpointError
from reward_tasks.task import Task

VERSION = 1


@dataclass(frozen=True)
class FinalPolicy:
    """A finished run's policy.

    Attributes:
        task: what it learned.
        config: what the run's ``config.json`` holds.
        summary: what its ``summary.json`` holds.
        weights: ``(P,)`` float32, of the network that acts.
        dqn: hyperparameters of the network.
        spaces: what it sees and may do.
    """

    task: Task
    config: dict[str, Any]
    summary: dict[str, Any]
    weights: torch.Tensor
    dqn: DqnConfig
    spaces: Spaces

    def greedy(self, observations: NDArray[np.float32]) -> NDArray[np.int64]:
        """Best actions, ``(B, D)`` float32 to ``(B,)`` int64."""
        return greedy_actions(self.weights, observations, self.spaces, self.dqn)


def save_final_policy(learner: Learner, config: TrainConfig) -> None:
    """Writes the weights that act into a run's folder, without pickle."""
    content = {
        "version": VERSION,
        "weights": acting_weights(learner, config.dqn).numpy(),
    }
    checkpoint_file.save(config.folder / POLICY, content)


def load_final_policy(folder: Path) -> FinalPolicy:
    """Reads the policy of a finished run.

    Raises:
        CheckpointError: the folder keeps no final policy, or the file is damaged.
        ConfigError: there is no run, it is not finished, or its task cannot be found.
    """
    config, summary = read_finished(folder)
    task, dqn = task_of(config["options"]), DqnConfig(**config["options"]["dqn"])
    spaces = spaces_of(task)
    weights = torch.from_numpy(_weights(folder / POLICY))
    return FinalPolicy(task, config, summary, weights, dqn, spaces)


def _weights(path: Path) -> NDArray[np.float32]:
    if not path.exists():
        raise CheckpointError(f"{path.parent} keeps no final policy; train the run anew")
    content = checkpoint_file.load(path)
    if content.get("version") != VERSION:
        raise CheckpointError(f"{path} was written by another version of this program")
    weights: NDArray[np.float32] = content["weights"]
    return weights
