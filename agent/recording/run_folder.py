"""The files of a run's folder: their names, and reading what earlier runs left in them.

Not for what a run writes into them (``recorder.py``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.config import Arm, ConfigError
from reward_report.folder_lock import FolderLockError

CONFIG, SUMMARY = "config.json", "summary.json"
METRICS, LABELS, NEWEST_FRAMES = "metrics.jsonl", "labels.jsonl", "newest_frames.json"
LEARNING_CURVE, VALUE_SCATTER = "learning_curve.png", "value_scatter.png"
REPORT, VIDEO, ANIMATION = "report.html", "video.mp4", "video.gif"
POLICY, EVALUATION = "policy.npz", "evaluation.json"
WANDB_ID = "wandb_id"
"""Holds a Weights & Biases run's id, with which a resumed run goes on."""

OWN_FILES = (
    "checkpoint",  # first: it must not outlive the files that it goes with
    CONFIG,
    SUMMARY,
    POLICY,
    EVALUATION,
    METRICS,
    LABELS,
    NEWEST_FRAMES,
    LEARNING_CURVE,
    VALUE_SCATTER,
    REPORT,
    VIDEO,
    ANIMATION,
    "tensorboard",
    WANDB_ID,
    "samples",
    "samples_marked",
)
"""What an earlier run of the same name left and this one replaces; other files stay."""


class FolderLostError(FolderLockError):
    """A run's folder was moved, removed or replaced while the run wrote it; the message names it."""


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The records of a file of JSON lines; none where there is no file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def read_whole_rows(path: Path) -> list[dict[str, Any]]:
    """The same of a file that somebody is writing: without the end of it that is not written yet."""
    content = path.read_bytes()
    return [json.loads(line) for line in content[: content.rfind(b"\n") + 1].splitlines()]


def read_json(path: Path) -> dict[str, Any]:
    """What a file of JSON holds."""
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def read_finished(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What ``config.json`` and ``summary.json`` of a finished run hold.

    Raises:
        ConfigError: there is no run, it is not finished, or its files are damaged.
    """
    if not (folder / CONFIG).is_file():
        raise ConfigError(f"{folder} holds no run")
    unfinished = f"the run in {folder} is not finished"
    if not (folder / SUMMARY).is_file():
        raise ConfigError(f"{unfinished}: train --resume goes on with it")
    try:
        config, summary = read_json(folder / CONFIG), read_json(folder / SUMMARY)
    except ValueError as error:
        raise ConfigError(f"the files of the run in {folder} are damaged: {error}") from error
    if summary["error"] is not None:
        raise ConfigError(f"{unfinished}; it broke off: {summary['error']}")
    return config, summary


def rewards_of(folder: Path) -> NDArray[np.float64]:
    """All rewards of a finished run of the arm vlm, ``(n,)`` float64.

    Raises:
        ConfigError: there is no such run.
    """
    try:
        summary = read_json(folder / SUMMARY)
    except (OSError, ValueError):
        summary = {}
    rewards = [row["reward"] for row in read_rows(folder / LABELS) if row["reward"] is not None]
    if summary.get("arm") != Arm.VLM or summary["error"] is not None or not rewards:
        raise ConfigError(f"--rewards-of: {folder} holds no finished run of the arm vlm")
    return np.array(rewards, dtype=np.float64)
