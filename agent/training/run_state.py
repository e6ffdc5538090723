"""What a checkpoint of a run holds, and how a run is put back there.

A checkpoint is taken between two rounds of learning. A run that goes on from it takes the same steps,
draws the same batches and ends with the same networks as one that was never interrupted. Not for the
file's format (``checkpoint.py``).
"""

from __future__ import annotations

import dataclasses
import json
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from agent import checkpoint
from agent.config import TrainConfig
from agent.dqn import Learner
from agent.rollout import Chunk, Episode
from agent.vector import envs_state, restore_envs

if TYPE_CHECKING:
    from agent.train import Trainer

FILE = Path("checkpoint") / "state.npz"
VERSION = 3

FREE_OPTIONS = frozenset(
    {
        "name",
        "runs",
        "resume",
        "server_url",
        "eval_episodes",
        "checkpoint_every",
        "max_failed_share",
        "video",
        "wandb",
        "wait_ready_s",
        "outage_s",
    }
)
"""Options that may differ when a run goes on: they do not change what is learned."""


def options(config: TrainConfig) -> dict[str, Any]:
    """A run's options as JSON holds them."""
    return {
        key: value if isinstance(value, dict | int | float | type(None)) else str(value)
        for key, value in dataclasses.asdict(config).items()
    }


def changed_options(then: dict[str, Any], now: dict[str, Any]) -> str:
    """The options that matter and are not the same, with both values, as a person would type them."""
    before, after = _flat(then), _flat(json.loads(json.dumps(now)))
    return ", ".join(
        f"--{key.replace('_', '-')} {before.get(key)} then, {value} now"
        for key, value in after.items()
        if key not in FREE_OPTIONS and value != before.get(key)
    )


def _flat(options: dict[str, Any]) -> dict[str, Any]:
    return {**{key: value for key, value in options.items() if key != "dqn"}, **options.get("dqn", {})}


def save_run(trainer: Trainer) -> None:
    """Writes a checkpoint. Waits for labels that are on their way, which changes nothing in the run."""
    learner = trainer.learner
    state = {
        "version": VERSION,
        "options": options(trainer.config),
        "learner": {
            field.name: value.numpy() if isinstance(value, torch.Tensor) else value
            for field in dataclasses.fields(learner)
            for value in (getattr(learner, field.name),)
        },
        "replay": trainer.replay.state(),
        "pending": [chunk.state(trainer.recorder.samples.wants) for chunk in trainer.pending],
        "envs": envs_state(trainer.envs),
        "rng": trainer.rng.bit_generator.state,
        "arm_rng": trainer.arm_rng.bit_generator.state,
        "replay_rng": trainer.replay_rng.bit_generator.state,
        "episodes": [dataclasses.asdict(episode) for episode in trainer.episodes],
        "env_steps": trainer.env_steps,
        "frames_scored": trainer.frames_scored,
        "frames_failed": trainer.frames_failed,
        "reward_id": trainer.reward_id,
        "wall_clock_s": trainer.wall_clock_s,
        "solved_at": trainer.solved_at,
        "files": trainer.recorder.positions(),
    }
    checkpoint.save(trainer.config.folder / FILE, state)


def load_run(trainer: Trainer) -> dict[str, Any] | None:
    """Puts a new trainer where its folder's checkpoint was taken.

    Returns:
        How far the run's files were written then; None where there is no checkpoint yet.

    Raises:
        CheckpointError: it is damaged, or of a run with other options.
    """
    path = trainer.config.folder / FILE
    if not path.exists():
        return None
    state = checkpoint.load(path)
    if state.get("version") != VERSION:
        raise checkpoint.CheckpointError(
            f"{path} was written by another version of this program; remove it to start anew"
        )
    changed = changed_options(state["options"], options(trainer.config))
    if changed:
        raise checkpoint.CheckpointError(f"the run in {trainer.config.folder} had other options: {changed}")
    for name in state["files"]["logs"]:
        file = trainer.config.folder / name
        if not file.is_file() or file.stat().st_size < state["files"]["logs"][name]:
            raise checkpoint.CheckpointError(f"{file} is shorter than it was at the checkpoint; start anew")
    restored: dict[str, Any] = {
        key: torch.from_numpy(value) if isinstance(value, np.ndarray) else value
        for key, value in state["learner"].items()
    }
    trainer.learner = Learner(**restored)
    trainer.replay.restore(state["replay"])
    trainer.pending = deque(Chunk.restored(chunk) for chunk in state["pending"])
    restore_envs(trainer.envs, state["envs"])
    trainer.rng.bit_generator.state = state["rng"]
    trainer.arm_rng.bit_generator.state = state["arm_rng"]
    trainer.replay_rng.bit_generator.state = state["replay_rng"]
    trainer.episodes = [Episode(**episode) for episode in state["episodes"]]
    for key in ("env_steps", "frames_scored", "frames_failed", "reward_id", "wall_clock_s", "solved_at"):
        setattr(trainer, key, state[key])
    files: dict[str, Any] = state["files"]
    return files
