"""Watches a run's rewards as they come, records what it sees, and warns.

Not for the measures (``window.py``) or for what is a warning (``frame_rules.py``, ``return_rules.py``).
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.recording.episode import Episode
from agent.recording.recorder import Recorder
from agent.training.chunk import Chunk
from agent.training.frame_envs import VectorStep
from agent.training.watching import frame_rules
from agent.training.watching.frame_rules import Alarm, Kind
from agent.training.watching.nulls import BLACK, WRONG_QUESTION, NullAnswer, Nulls
from agent.training.watching.return_rules import WINDOWS_EPISODES, diverging
from agent.training.watching.window import WINDOW_FRAMES, Frame, Look, error_of, look
from reward_audit.judging.thresholds import MIN_FRAMES
from reward_client.schema import RewardItem
from reward_tasks.task import Task

LOGGER = logging.getLogger("agent")
"""Where a warning is told while a run trains."""


class Watch:
    """What was seen so far.

    Args:
        task: knows the truth.
        recorder: writes the run's files.
    """

    def __init__(self, task: Task, recorder: Recorder) -> None:
        self._task, self._recorder = task, recorder
        self._frames: list[Frame] = []
        self._looks: list[Look] = []
        self._returns: list[tuple[float, float]] = []
        self._nulls: list[NullAnswer] = []
        self._told: dict[Kind, dict[str, Any]] = {}

    def chunk(self, chunk: Chunk, labels: Sequence[RewardItem | None]) -> None:
        """Takes the next chunk with its labels; nothing in the arms without a server."""
        if labels[0] is None:
            return
        oracle, truth = self._truths(chunk.next_observations)
        waiting = {null.step: null for null in self._nulls[-len(chunk) :]}
        for row, label in enumerate(labels):
            if label is None:
                continue
            step = chunk.first_step + row + 1
            if step in waiting:
                waiting[step].own_reward = label.reward
            self._frames.append(self._frame(label, oracle[row], {k: v[row] for k, v in truth.items()}))
            if len(self._frames) == WINDOW_FRAMES:
                self._end_window(step)

    def episode(self, step: int, episode: Episode) -> None:
        """Takes a finished episode whose frames were scored; its last step's number, from 1."""
        self._returns.append((episode.vlm_return, episode.true_return))
        self._returns = self._returns[-max(WINDOWS_EPISODES) :]
        vlm, true = zip(*self._returns, strict=True)
        alarm = diverging(vlm, true, self._task.return_bounds, step)
        self._tell(step, [] if alarm is None else [alarm])

    def null(self, nulls: Nulls | None, last: VectorStep, steps: int) -> None:
        """Asks a null about the last step's first frame, where one is due.

        Args:
            nulls: asks; None where none is to be asked.
            last: the step.
            steps: of all environments so far.
        """
        if nulls is None or last.frames is None or not nulls.due(len(self._nulls), steps):
            return
        answer = nulls.ask(len(self._nulls), last.frames[0], steps - len(last.frames) + 1)
        answer.oracle = _known(self._truths(last.next_observations[:1])[0][0])
        self._nulls.append(answer)
        spread = max((look.spread for look in self._looks), default=0.0)
        found = [
            frame_rules.of_wrong_question(*_columns(self._of(WRONG_QUESTION))),
            frame_rules.of_black_frames([one.reward for one in self._of(BLACK)], spread)
            if self._looks
            else None,
        ]
        self._tell(steps, [alarm for alarm in found if alarm is not None])

    def summary(self) -> dict[str, Any]:
        """What ``summary.json`` holds of it."""
        kinds = dict.fromkeys(null.kind for null in self._nulls)
        return {
            "windows": [
                {k: v for k, v in look.state().items() if k not in {"block_errors", "spread"}}
                for look in self._looks
            ],
            "nulls": {kind: _of_nulls(self._of(kind)) for kind in kinds},
            "null_frames": sum(null.status != "not asked" for null in self._nulls),
            "warnings": [self._sentence(kind) for kind in self._told],
        }

    def state(self) -> dict[str, Any]:
        """Everything in it, for a checkpoint."""
        return {
            "frames": [list(dataclasses.astuple(frame)) for frame in self._frames],
            "looks": [look.state() for look in self._looks],
            "returns": [list(pair) for pair in self._returns],
            "nulls": [dataclasses.asdict(null) for null in self._nulls],
            "told": {kind.value: dict(told) for kind, told in self._told.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over what ``state`` returned."""
        self._frames = [Frame(*frame) for frame in state["frames"]]
        self._looks = [Look(**look) for look in state["looks"]]
        self._returns = [(vlm, true) for vlm, true in state["returns"]]
        self._nulls = [NullAnswer(**null) for null in state["nulls"]]
        self._told = {Kind(kind): told for kind, told in state["told"].items()}

    def _frame(self, label: RewardItem, oracle: float, truth: dict[str, float]) -> Frame:
        column = next((c for c in self._task.columns if c.unit is not None and c.unit == label.unit), None)
        answer = (label.text or "").strip() or None
        if column is None or label.value is None:
            return Frame(label.reward, _known(oracle), answer, None, None)
        true = float(truth[column.name])
        error = error_of(label.value, true, column.period)
        return Frame(label.reward, _known(oracle), answer, error, true)

    def _end_window(self, step: int) -> None:
        low, high = self._task.oracle_bounds
        before = max((look.spread for look in self._looks), default=0.0)
        now = look(self._frames, step, high - low, self._period(), before)
        self._frames = []
        self._looks.append(now)
        self._recorder.audit(step, now.scalars())
        first = next((one for one in self._looks if one.scored >= MIN_FRAMES), None)
        self._tell(step, [] if first is None else frame_rules.of_window(now, first))

    def _period(self) -> float | None:
        """Of what is read: the first column's that has a unit, as rubrics read it."""
        return next((column.period for column in self._task.columns if column.unit is not None), None)

    def _truths(
        self, observations: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
        """The perfect rewards, NaN where the task does not say, and what is true."""
        truth = self._task.truth(observations)
        oracle = self._task.oracle_of_truth(truth)
        return np.full(len(observations), np.nan) if oracle is None else oracle, truth

    def _of(self, kind: str) -> list[NullAnswer]:
        return [null for null in self._nulls if null.kind == kind]

    def _tell(self, step: int, alarms: Sequence[Alarm]) -> None:
        """Records alarms; each kind is told once, and counted from then on."""
        for alarm in alarms:
            if alarm.kind in self._told:
                self._told[alarm.kind]["times"] += 1
                continue
            self._told[alarm.kind] = {"sentence": alarm.sentence, "step": step, "times": 1}
            self._recorder.audit_warning(step, alarm.sentence)
            LOGGER.warning("Warning at step %d: %s.", step, alarm.sentence)

    def _sentence(self, kind: Kind) -> str:
        """A warning as the summary has it: as it was first told, and how often it came again."""
        told = self._told[kind]
        windows = {Kind.COLLAPSED, Kind.UNGROUNDED, Kind.INVERTED, Kind.DRIFTED}
        again = f" (so in {told['times']} of {len(self._looks)} windows)" if kind in windows else ""
        return f"{told['sentence']}{again}."


def _columns(nulls: Sequence[NullAnswer]) -> tuple[list[float | None], ...]:
    return (
        [null.reward for null in nulls],
        [null.own_reward for null in nulls],
        [null.oracle for null in nulls],
    )


def _of_nulls(nulls: Sequence[NullAnswer]) -> dict[str, Any]:
    """What the nulls of one kind were answered."""
    rewards = [null.reward for null in nulls if null.reward is not None]
    answers = [null.answer for null in nulls if null.answer is not None]
    return {
        "frames": len(nulls),
        "scored": len(rewards),
        "mean_reward": float(np.mean(rewards)) if rewards else None,
        "least_reward": min(rewards, default=None),
        "greatest_reward": max(rewards, default=None),
        "top_answer": max(sorted(set(answers)), key=answers.count) if answers else None,
    }


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
