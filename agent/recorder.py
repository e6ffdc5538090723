"""Writes what a run leaves: configuration, metrics, TensorBoard events, networks, summary, curve.

Not for sample frames (``samples.py``). Nothing here is read back by training.
"""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import torch
from torch.utils.tensorboard import SummaryWriter

from agent.config import TrainConfig
from agent.dqn import Dqn
from agent.plots import plot_learning_curve
from reward_client.schema import ServerInfo

OWN_FILES = (
    "config.json",
    "summary.json",
    "metrics.jsonl",
    "learning_curve.png",
    "tensorboard",
    "checkpoint",
    "samples",
    "samples_marked",
)
"""What an earlier run of the same name left and this one replaces; other files stay."""


class Recorder:
    """One run's folder.

    Args:
        config: the run's options.
        server: the reward server's ``/info``.
    """

    def __init__(self, config: TrainConfig, server: ServerInfo) -> None:
        self.folder = config.folder
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in OWN_FILES:
            path = self.folder / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        options = json.loads(json.dumps(dataclasses.asdict(config), default=str))
        self._write_json(
            "config.json",
            {"options": options, "git_commit": git_commit(), "server": server.model_dump(mode="json")},
        )
        self._metrics = (self.folder / "metrics.jsonl").open("w")
        self._board = SummaryWriter(str(self.folder / "tensorboard"))
        self._episodes: list[dict[str, float]] = []

    def episode(self, step: int, true_return: float, vlm_return: float, length: int, epsilon: float) -> None:
        """Records a finished episode of training.

        Args:
            step: environment steps so far.
            true_return: sum of the environment's own reward; never learned from.
            vlm_return: sum of the VLM's rewards; frames without one count for nothing here.
            length: steps of the episode.
            epsilon: share of random actions at its end.
        """
        row = {
            "charts/episodic_return": true_return,
            "charts/vlm_return": vlm_return,
            "charts/episodic_length": length,
            "charts/epsilon": epsilon,
        }
        self._episodes.append({"step": step, **row})
        self._log(step, row)

    def learning(self, step: int, td_loss: float | None, frames_per_s: float) -> None:
        """Records a round of acting, labelling and learning; None where nothing was learned yet."""
        row = {"charts/SPS": frames_per_s}
        self._log(step, row if td_loss is None else {**row, "losses/td_loss": td_loss})

    def save_networks(self, dqn: Dqn) -> None:
        """Writes both networks and the optimiser to ``checkpoint/dqn.pt``, whole or not at all."""
        folder = self.folder / "checkpoint"
        folder.mkdir(exist_ok=True)
        state = {
            "online": dqn.online.state_dict(),
            "target": dqn.target.state_dict(),
            "optimizer": dqn.optimizer.state_dict(),
        }
        buffer = io.BytesIO()  # written as bytes, a full disk is an OSError; torch.save's own is not
        torch.save(state, buffer)
        part = folder / "dqn.pt.part"
        part.write_bytes(buffer.getbuffer())
        part.replace(folder / "dqn.pt")

    def finish(self, summary: dict[str, Any]) -> None:
        """Writes ``summary.json`` and ``learning_curve.png`` and closes the other files."""
        self._metrics.close()
        self._board.close()
        plot_learning_curve(self._episodes, summary, self.folder / "learning_curve.png")
        self._write_json("summary.json", summary)

    def _log(self, step: int, row: dict[str, float]) -> None:
        self._metrics.write(json.dumps({"step": step, **row}) + "\n")
        self._metrics.flush()
        for name, value in row.items():
            self._board.add_scalar(name, value, step)

    def _write_json(self, name: str, content: dict[str, Any]) -> None:
        (self.folder / name).write_text(json.dumps(content, indent=2) + "\n")


def git_commit() -> str | None:
    """The commit of the code that runs, or None outside a git checkout."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607 - wherever git is installed
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
