"""Keeps the first scored frames of a run, with their answers beside them and drawn on copies.

Not for metrics (``recorder.py``).
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agent.recording.marked_frame import mark
from reward_client.schema import RewardItem
from reward_tasks.task import Task


class Samples:
    """Writes ``samples/`` and ``samples_marked/`` of a run: some frames as asked, and the first failures.

    Args:
        folder: the run's folder; both folders are made in it.
        task: knows what is true of a state.
        count: how many frames are kept, and how many more of those without a reward.
        every: keep one step's frame in this many.
        resumed: what ``position`` returned when the checkpoint was taken that the run goes on from.
    """

    def __init__(
        self,
        folder: Path,
        task: Task,
        count: int,
        every: int = 1,
        resumed: dict[str, int] | None = None,
    ) -> None:
        self._task = task
        self._plain, self._marked = folder / "samples", folder / "samples_marked"
        self._plain.mkdir(parents=True, exist_ok=True)
        self._marked.mkdir(parents=True, exist_ok=True)
        self._log = self._plain / "samples.jsonl"
        self._log.touch()
        os.truncate(self._log, resumed["bytes"] if resumed else 0)
        self._count, self._every, self._failed = count, every, resumed["failed"] if resumed else 0

    def wants(self, step: int, label: RewardItem) -> bool:
        """Whether the frame of a step, counted from 0, is to be added."""
        return self.asks(step) or (label.reward is None and self._failed < self._count)

    def asks(self, step: int) -> bool:
        """Whether the frame of a step, counted from 0, is to be added whatever its label is."""
        return step % self._every == 0 and step // self._every < self._count

    def position(self) -> dict[str, int]:
        """How far the samples are written, for a checkpoint."""
        return {"failed": self._failed, "bytes": self._log.stat().st_size}

    def add(
        self,
        frame: NDArray[np.uint8],
        item: RewardItem,
        state: NDArray[np.float32],
        episode: int,
        step: int,
    ) -> None:
        """Keeps one frame.

        Args:
            frame: ``(H, W, 3)`` uint8 RGB, as it was sent.
            item: the server's answer.
            state: ``(D,)`` observation of the frame, for the record only.
            episode: from 1.
            step: step in the episode, from 1.
        """
        name = f"episode_{episode}_step_{step}.png"
        Image.fromarray(frame).save(self._plain / name)
        mark(frame, item, self._task, state).save(self._marked / name)
        record = {
            "file": name,
            "text": item.text,
            "value": item.value,
            "unit": item.unit,
            "reward": item.reward,
            "status": item.status.value,
            "message": item.message,
            "label_mass": item.label_mass,
            **truth_of(self._task, state),
            "observation": [float(x) for x in state],
        }
        with self._log.open("a") as log:
            log.write(json.dumps(record) + "\n")
        self._failed += int(item.reward is None)


def truth_of(task: Task, observation: NDArray[np.float32]) -> dict[str, float]:
    """What is true of one observation, as the columns of a record: ``true_tilt_deg``."""
    return {f"true_{name}": float(values[0]) for name, values in task.truth(observation[None]).items()}
