"""Acting: collects chunks of steps.

Not for learning (``train.py``) or for stepping one time (``frame_envs.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.training.frame_envs import VectorStep
from reward_client.labeling.labeler import PendingLabels
from reward_client.schema import RewardItem


@dataclass
class Chunk:
    """B steps in the order in which they were taken: the first of every environment, then the second ones.

    Attributes:
        first_step: number of its first step in the run, from 0.
        observations: ``(B, D)`` float32, before each step.
        actions: ``(B,)`` int64.
        true_rewards: ``(B,)`` float64, the environment's own; recorded, and learned from in the arm env.
        next_observations: ``(B, D)`` float32, after each step.
        terminated: ``(B,)`` bool.
        truncated: ``(B,)`` bool.
        frames: those after each step that may become samples, by row; ``(H, W, 3)`` uint8 RGB. Frames
            without a reward come with the labels.
        labels: of the frame after each step; None in the arms without a server.
    """

    first_step: int
    observations: NDArray[np.float32]
    actions: NDArray[np.int64]
    true_rewards: NDArray[np.float64]
    next_observations: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    frames: dict[int, NDArray[np.uint8]]
    labels: PendingLabels | list[RewardItem] | None

    def __len__(self) -> int:
        return len(self.actions)

    def wait(self) -> list[RewardItem | None]:
        """Waits for the labels; B times None in the arms without a server."""
        if isinstance(self.labels, PendingLabels):
            pending, self.labels = self.labels, self.labels.result()
            self.frames |= pending.unrewarded()
        return [None] * len(self) if self.labels is None else list(self.labels)

    def state(self, wants: Callable[[int, RewardItem, NDArray[np.float32]], object]) -> dict[str, Any]:
        """Everything in it, for a checkpoint. Waits for the labels.

        Args:
            wants: whether the frame of a step may become a sample, by the step's number, its label and the
                observation after it; the other frames are left out.
        """
        items = None if self.labels is None else self.wait()
        labels = [item for item in items or () if item]
        frames = [
            [row, self.frames[row]]
            for row, label in enumerate(labels)
            if row in self.frames and wants(self.first_step + row, label, self.next_observations[row])
        ]
        return {
            **{name: getattr(self, name) for name in _ARRAYS},
            "first_step": self.first_step,
            "frames": frames,
            "labels": None if items is None else [label.model_dump(mode="json") for label in labels],
        }

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Chunk:
        """The chunk whose ``state`` this is."""
        labels = state["labels"]
        return cls(
            first_step=state["first_step"],
            **{name: state[name] for name in _ARRAYS},
            frames={int(row): frame for row, frame in state["frames"]},
            labels=None if labels is None else [RewardItem.model_validate(item) for item in labels],
        )


_ARRAYS = ("observations", "actions", "true_rewards", "next_observations", "terminated", "truncated")


def chunk_of(
    steps: Sequence[VectorStep],
    first_step: int,
    labels: PendingLabels | None,
    kept: Callable[[int, NDArray[np.float32]], Container[int]],
) -> Chunk:
    """Puts the steps of all environments into one row after another.

    Args:
        steps: of the environments.
        first_step: number of the first step in the run, from 0.
        labels: of the frames; None in the arms without a server.
        kept: the rows whose frames are kept, by the first step's number and ``(B, D)`` observations after
            all steps. At 720 kB each, few are.

    Raises:
        ValueError: an environment was only reset in a step.
    """
    if not all(step.taken.all() for step in steps):
        raise ValueError("an environment was only reset in a step; chunks take the autoreset mode DISABLED")
    columns = {name: np.concatenate([getattr(step, name) for step in steps]) for name in _ARRAYS}
    frames = [frame for step in steps if step.frames is not None for frame in step.frames]
    rows = kept(first_step, columns["next_observations"]) if frames else ()
    few = {row: frame.copy() for row, frame in enumerate(frames) if row in rows}
    return Chunk(first_step=first_step, **columns, frames=few, labels=labels)
