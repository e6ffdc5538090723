"""Writes what a run leaves: configuration, metrics, labels, TensorBoard events, summary.

Not for run states (``training/run_state.py``), pictures or the report (``reporting/run_report.py``). Nothing
here is read by training.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.tensorboard import SummaryWriter

from agent.config import TrainConfig, options
from agent.recording.episode import Episode
from agent.recording.newest_frames import NewestFrames
from agent.recording.provenance import code_origin
from agent.recording.run_folder import (
    CONFIG,
    LABELS,
    METRICS,
    OWN_FILES,
    SUMMARY,
    WANDB_ID,
    FolderLostError,
    read_json,
)
from agent.recording.samples import Samples, truth_of
from agent.recording.wandb_sync import wandb_run
from reward_client.rubric import Rubric
from reward_client.schema import RewardItem, ServerInfo
from reward_report.json_file import write_json
from reward_tasks.task import Task

LEAST_PROBABILITY = 1e-4
"""Labels below are left out of a row: a hundred labels a frame would make most of the file."""


def _likely(probabilities: dict[str, float] | None) -> dict[str, float] | None:
    if probabilities is None:
        return None
    return {label: round(p, 6) for label, p in probabilities.items() if p >= LEAST_PROBABILITY}


class Recorder:
    """One run's folder.

    Args:
        config: the run's options.
        task: knows what is true of a state.
        server: the reward server's ``/info``; None in the arms without one.
        question: what is asked: the name of a rubric of the server, or a whole rubric.
        resumed: what ``positions`` returned when the checkpoint was taken that the run goes on from; None
            for a run from the beginning, which replaces an earlier one of its name.
    """

    def __init__(
        self,
        config: TrainConfig,
        task: Task,
        server: ServerInfo | None,
        question: str | Rubric,
        resumed: dict[str, Any] | None = None,
    ) -> None:
        self.folder, self._task = config.folder, task
        self.folder.mkdir(parents=True, exist_ok=True)
        self._wandb = wandb_run(config) if config.wandb else None  # it may fail: before anything is removed
        if resumed is None:
            self._remove_earlier()
        if self._wandb is not None:
            (self.folder / WANDB_ID).write_text(self._wandb.id)
        if resumed is not None:
            self._record_resumed(resumed["step"])
        else:  # it stays: what the first labels came from
            write_json(
                self.folder / CONFIG,
                {
                    "options": options(config),
                    "rubric": question.model_dump(mode="json") if isinstance(question, Rubric) else None,
                    **code_origin(),
                    "server": None if server is None else server.model_dump(mode="json"),
                },
            )
        for name in (METRICS, LABELS):
            path = self.folder / name
            path.touch()
            os.truncate(path, resumed["logs"][name] if resumed else 0)
        self._last_step = resumed["step"] if resumed else 0
        self._metrics = (self.folder / METRICS).open("a")
        self._labels = (self.folder / LABELS).open("a")
        self.samples = Samples(
            self.folder, task, config.samples, config.sample_every, resumed["samples"] if resumed else None
        )
        self._newest = NewestFrames(self.folder, self.check_folder)
        self._board = SummaryWriter(
            str(self.folder / "tensorboard"), purge_step=resumed["step"] + 1 if resumed else None
        )

    def rows_to_keep(self, first_step: int, states: NDArray[np.float32]) -> set[int]:
        """The rows of a chunk whose frames may be shown, whatever their labels are.

        Args:
            first_step: number of the chunk's first step in the run, from 0.
            states: ``(B, D)`` observations of its frames.
        """
        newest = self._newest.rows(first_step, len(states))
        return newest | self.samples.rows_to_keep(first_step, states)

    def positions(self) -> dict[str, Any]:
        """How far the files are written, for a checkpoint.

        Raises:
            FolderLostError: a checkpoint would go into a folder that is not this run's any more.
        """
        self.check_folder()
        for file in (self._metrics, self._labels):
            file.flush()
            os.fsync(file.fileno())
        return {
            "logs": {METRICS: self._metrics.tell(), LABELS: self._labels.tell()},
            "samples": self.samples.position(),
            "step": self._last_step,
        }

    def episode(self, step: int, episode: Episode, epsilon: float, scored: bool) -> None:
        """Records a finished episode of training.

        Args:
            step: environment steps so far.
            episode: its returns; only the arm env learns from the true one.
            epsilon: share of random actions at its end.
            scored: whether its frames were scored by a server.
        """
        row: dict[str, float] = {
            "charts/episodic_return": episode.true_return,
            "charts/learned_return": episode.learned_return,
            "charts/episodic_length": episode.steps,
            "charts/epsilon": epsilon,
        }
        self._log(step, {**row, "charts/vlm_return": episode.vlm_return} if scored else row)

    def learning(self, step: int, td_loss: float | None, steps_per_s: float, wall_clock_s: float) -> None:
        """Records a round of acting, labelling and learning; a loss of None: nothing was learned yet."""
        row = {"charts/SPS": steps_per_s, "charts/wall_clock_s": wall_clock_s}
        self._log(step, row if td_loss is None else {**row, "losses/td_loss": td_loss})

    def evaluation(self, step: int, mean_return: float, wall_clock_s: float) -> None:
        """Records a short greedy evaluation by the environment's own reward."""
        self._log(step, {"eval/mean_return": mean_return, "charts/wall_clock_s": wall_clock_s})

    def audit(self, step: int, measures: dict[str, float]) -> None:
        """Records what the audit during training measured up to a step."""
        self._log(step, measures)

    def audit_warning(self, step: int, sentence: str) -> None:
        """Records a warning of the audit during training."""
        self._write_metrics(step, {"warning": sentence})
        self._board.add_text("audit/warnings", sentence, step)

    def label(
        self,
        step: int,
        label: RewardItem,
        reward: float | None,
        state: NDArray[np.float32],
        episode: int,
        terminated: bool,
        frame: NDArray[np.uint8] | None,
    ) -> None:
        """Records a frame's label beside the truth.

        Args:
            step: number of the step, from 1.
            label: the server's answer.
            reward: what is learned with: that of another step in the arm shuffled, and the rubric's lower
                bound where ``--null-terminal`` asks for it.
            state: ``(D,)`` observation after the step, for the record only.
            episode: number of its episode, from 1.
            terminated: whether the step ended its episode by the task's own rules.
            frame: ``(H, W, 3)`` uint8 RGB, where it was kept.

        Raises:
            FolderLostError: the frame's sample would go into a folder that is not this run's any more.
        """
        self.check_folder()
        row = {
            "step": step,
            "episode": episode,
            "terminated": terminated,
            "reward": label.reward,
            "learned_reward": reward,
            "status": label.status.value,
            "message": None if label.reward is not None else label.message,
            "text": label.text,
            "value": label.value,
            "unit": label.unit,
            "label_mass": label.label_mass,
            "probabilities": _likely(label.probabilities),
            **truth_of(self._task, state),
        }
        self._labels.write(json.dumps(row) + "\n")
        if frame is not None:
            self._newest.add(frame, row)

    def check_folder(self) -> None:
        """Looks whether the file that is open is still the one in the folder: others are opened by name.

        Raises:
            FolderLostError: it is not.
        """
        try:
            ours = os.path.samestat(os.fstat(self._metrics.fileno()), (self.folder / METRICS).stat())
        except FileNotFoundError:
            ours = False
        if not ours:
            raise FolderLostError(
                f"{self.folder} was moved, removed or replaced while this run wrote it; it writes no more"
            )

    def finish(self, summary: dict[str, Any]) -> None:
        """Writes the summary, and closes the other files.

        Raises:
            FolderLostError: the summary would go into a folder that is not this run's any more.
        """
        try:
            self.check_folder()
            self._board.close()  # this writes too
        finally:
            with self._metrics, self._labels:  # the newest frames look whether these are still the folder's
                self._newest.close()
            if self._wandb is not None:
                self._wandb.summary.update(summary)
                self._wandb.finish()
        write_json(self.folder / SUMMARY, summary)

    def _log(self, step: int, row: dict[str, float]) -> None:
        self._write_metrics(step, row)
        for name, value in row.items():
            self._board.add_scalar(name, value, step)

    def _write_metrics(self, step: int, row: dict[str, Any]) -> None:
        self.check_folder()
        self._last_step = max(self._last_step, step)
        self._metrics.write(json.dumps({"step": step, **row}) + "\n")
        self._metrics.flush()

    def _record_resumed(self, step: int) -> None:
        """Adds the code that the run goes on with, where it is not the code so far."""
        config, origin = read_json(self.folder / CONFIG), code_origin()
        resumed = config.get("resumed", [])
        before = resumed[-1] if resumed else config
        if any(before.get(name) != value for name, value in origin.items()):
            write_json(self.folder / CONFIG, {**config, "resumed": [*resumed, {"step": step, **origin}]})

    def _remove_earlier(self) -> None:
        for name in OWN_FILES:
            path = self.folder / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
