"""The state of a run between two rounds of learning, as a value that a file holds.

A run that goes on from it takes the same steps, draws the same batches and ends with the same networks as
one that was never interrupted. Not for the file's format (``checkpoint_file.py``) or for taking a run's
state and putting one back (``train.py``).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from agent.config import TrainConfig, changed_options, options
from agent.training.learner.dqn import Learner
from agent.training.saving import checkpoint_file
from agent.training.saving.checkpoint_file import CheckpointError

FILE = Path("checkpoint") / "state.npz"
VERSION = 6


@dataclass(frozen=True)
class RunState:
    """Everything that a run needs to go on.

    Attributes:
        learner: networks and optimiser.
        replay: of ``Replay.state``.
        pending: of ``Chunk.state``, for each chunk that was taken and not yet learned from.
        envs: of ``envs_state``.
        rng: state of the bit generator that explores.
        arm_rng: of the one that the arm draws from.
        replay_rng: of the one that draws batches.
        records: of ``StepRecords.state``.
        watch: of ``Watch.state``.
        env_steps: steps taken.
        reward_id: of the run's labels; None before the first.
        wall_clock_s: time of training.
        solved_at: when a short evaluation first reached the threshold; None if none did.
        files: of ``Recorder.positions``: how far the run's files were written.
        usage: of ``CountedScores.usage``; None in the arms without a server, and of a state that was saved
            before it was counted.
    """

    learner: Learner
    replay: dict[str, Any]
    pending: list[dict[str, Any]]
    envs: dict[str, Any]
    rng: dict[str, Any]
    arm_rng: dict[str, Any]
    replay_rng: dict[str, Any]
    records: dict[str, Any]
    watch: dict[str, Any]
    env_steps: int
    reward_id: str | None
    wall_clock_s: float
    solved_at: dict[str, float] | None
    files: dict[str, Any]
    usage: dict[str, Any] | None = None


def save_run_state(state: RunState, config: TrainConfig) -> None:
    """Writes a run's state into its folder, whole or not at all."""
    learner = {
        name: value.numpy() if isinstance(value, torch.Tensor) else value
        for name, value in _fields(state.learner).items()
    }
    content = {**_fields(state), "version": VERSION, "options": options(config), "learner": learner}
    checkpoint_file.save(config.folder / FILE, content)


def load_run_state(config: TrainConfig) -> RunState | None:
    """Reads the state that a run's folder holds.

    Returns:
        The state; None where there is none yet.

    Raises:
        CheckpointError: it is damaged, or of a run with other options.
    """
    path = config.folder / FILE
    if not path.exists():
        return None
    content = checkpoint_file.load(path)
    if content.pop("version", None) != VERSION:
        raise CheckpointError(
            f"{path} was written by another version of this program; remove it to start anew"
        )
    changed = changed_options(content.pop("options"), options(config))
    if changed:
        raise CheckpointError(f"the run in {config.folder} had other options: {changed}")
    for name, length in content["files"]["logs"].items():
        file = config.folder / name
        if not file.is_file() or file.stat().st_size < length:
            raise CheckpointError(f"{file} is shorter than it was at the checkpoint; start anew")
    learner: dict[str, Any] = {
        name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value
        for name, value in content.pop("learner").items()
    }
    return RunState(learner=Learner(**learner), **content)


def _fields(value: RunState | Learner) -> dict[str, Any]:
    """The fields of a value, one level deep."""
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
