"""The files of a run's folder: their names, and reading what earlier runs left in them.

Not for what a run writes into them (``recorder.py``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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
AUDIT_PAGE = "audit/audit.html"
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

LINKED = {
    VIDEO: "Film of the final policy",
    AUDIT_PAGE: "The audit before training",
    LABELS: "All answers (rows)",
    METRICS: "Returns and losses (rows)",
    SUMMARY: "Summary (JSON)",
    CONFIG: "Configuration (JSON)",
}
"""Files that pages of a run lead to, and what a link to them says. Folders have no link: ``reward watch``
serves none, and not every browser lists one."""


class FolderLostError(FolderLockError):
    """A run's folder was moved, removed or replaced while the run wrote it; the message names it."""


def linked(folder: Path, summary: Mapping[str, Any]) -> dict[str, str]:
    """Those of ``LINKED`` that are there and hold something.

    Args:
        folder: the run's.
        summary: the run's, so far; an audit that it does not name is that of an earlier run.
    """
    audit_page = (summary.get("audit") or {}).get("page")
    return {
        name: words
        for name, words in LINKED.items()
        if _is_filled(folder / name) and (name != AUDIT_PAGE or name == audit_page)
    }


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The records of a file of JSON lines; no record where there is no file.

    Somebody may be writing it: a last line whose end is not there yet is left out.
    """
    if not path.exists():
        return []
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


def _is_filled(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0
