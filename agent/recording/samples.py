"""Keeps some frames of a run, with their answers beside them and drawn on copies.

The first ones as asked; as many more over the range of what is true of a frame, since the first ones of a run
are much alike; and some that could not be scored. Not for metrics (``recorder.py``).
"""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agent.recording.marked_frame import mark
from reward_client.schema import RewardItem
from reward_tasks.task import Task

SWEEP_STATES = 1000
"""States of a task's sweep, whose least and greatest truth are the range that the strata divide."""


class Chosen(StrEnum):
    """Why a frame was kept."""

    FIRST = "first"
    """one of the first, as asked"""
    STRATIFIED = "stratified"
    """the first one of its stratum: a part of the range of what is true, whatever its reward"""
    FAILED = "failed"
    """one of the first without a reward"""


class Samples:
    """Writes ``samples/`` and ``samples_marked/`` of a run. What is kept never depends on a reward's size.

    Args:
        folder: the run's folder; both folders are made in it.
        task: knows what is true of a state. The range of its first column is divided into strata.
        count: how many frames are kept as asked, how many strata there are, and how many frames without a
            reward are kept.
        every: keep one step's frame in this many, of those as asked.
        resumed: what ``position`` returned when the checkpoint was taken that the run goes on from.
    """

    def __init__(
        self,
        folder: Path,
        task: Task,
        count: int,
        every: int = 1,
        resumed: dict[str, Any] | None = None,
    ) -> None:
        self._task = task
        self._plain, self._marked = folder / "samples", folder / "samples_marked"
        self._plain.mkdir(parents=True, exist_ok=True)
        self._marked.mkdir(parents=True, exist_ok=True)
        self._log = self._plain / "samples.jsonl"
        self._log.touch()
        os.truncate(self._log, resumed["bytes"] if resumed else 0)
        self._count, self._every, self._failed = count, every, resumed["failed"] if resumed else 0
        self._edges = _strata_edges(task, count)
        self._filled = set[int](resumed["strata"] if resumed else ())

    def rows_to_keep(self, first_step: int, states: NDArray[np.float32]) -> set[int]:
        """The rows of a chunk whose frames may become samples whatever their labels are.

        Args:
            first_step: number of the chunk's first step in the run, from 0.
            states: ``(B, D)`` observations of its frames.
        """
        rows, seen = set[int](), set(self._filled)
        strata = self._strata(states) if len(seen) < self._count else None
        for row in range(len(states)):
            if self._asks(first_step + row):
                rows.add(row)
            elif strata is not None and int(strata[row]) not in seen:
                seen.add(int(strata[row]))
                rows.add(row)
        return rows

    def choice(self, step: int, label: RewardItem, state: NDArray[np.float32]) -> Chosen | None:
        """Why the frame of a step is to be added; None where it is not.

        Args:
            step: from 0.
            label: the server's answer.
            state: ``(D,)`` observation of the frame.
        """
        if self._asks(step):
            return Chosen.FIRST
        if len(self._filled) < self._count and int(self._strata(state[None])[0]) not in self._filled:
            return Chosen.STRATIFIED
        if label.reward is None and self._failed < self._count:
            return Chosen.FAILED
        return None

    def position(self) -> dict[str, Any]:
        """How far the samples are written, for a checkpoint."""
        return {
            "failed": self._failed,
            "bytes": self._log.stat().st_size,
            "strata": sorted(self._filled),
        }

    def add(
        self,
        frame: NDArray[np.uint8],
        item: RewardItem,
        state: NDArray[np.float32],
        episode: int,
        step: int,
        chosen: Chosen,
    ) -> None:
        """Keeps one frame.

        Args:
            frame: ``(H, W, 3)`` uint8 RGB, as it was sent.
            item: the server's answer.
            state: ``(D,)`` observation of the frame, for the record only.
            episode: from 1.
            step: step in the episode, from 1.
            chosen: why it is kept.
        """
        name = f"episode_{episode}_step_{step}.png"
        Image.fromarray(frame).save(self._plain / name)
        mark(frame, item, self._task, state).save(self._marked / name)
        record = {
            "file": name,
            "chosen": chosen.value,
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
        self._failed += int(chosen is Chosen.FAILED)
        if chosen is Chosen.STRATIFIED:
            self._filled.add(int(self._strata(state[None])[0]))

    def _asks(self, step: int) -> bool:
        """Whether the frame of a step, counted from 0, is one of the first as asked."""
        return step % self._every == 0 and step // self._every < self._count

    def _strata(self, states: NDArray[np.float32]) -> NDArray[np.int64]:
        """The strata, from 0, of ``(B, D)`` observations; those at both ends take what lies beyond."""
        truth = self._task.truth(states)[self._task.columns[0].name]
        return np.digitize(truth, self._edges).astype(np.int64)


def _strata_edges(task: Task, count: int) -> NDArray[np.float64]:
    """What lies between the strata, ``(count - 1,)``: the range of a task's first column in equal parts."""
    # A generator of its own: what is kept must not change what is learned.
    states = task.sweep(SWEEP_STATES, np.random.default_rng(0))
    observations = np.stack([task.observation(state) for state in states])
    truth = task.truth(observations)[task.columns[0].name]
    return np.linspace(truth.min(), truth.max(), count + 1)[1:-1]


def truth_of(task: Task, observation: NDArray[np.float32]) -> dict[str, float]:
    """What is true of one observation, as the columns of a record: ``true_tilt_deg``."""
    return {f"true_{name}": float(values[0]) for name, values in task.truth(observation[None]).items()}
