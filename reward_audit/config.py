"""Options of an audit; their comments are the command line's help."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reward_tasks.catalog import find_task
from reward_tasks.task import Task, TaskError

FEWEST_FRAMES = 200
"""60 % of them show states as they are, and a verdict needs 100 of those (``thresholds.MIN_FRAMES``)."""


class AuditError(ValueError):
    """An audit cannot be done as asked; the message says why."""


@dataclass(frozen=True)
class AuditConfig:
    """Tells whether a rubric's rewards can be trusted, before an agent learns from them.

    Raises:
        AuditError: an option is out of its range.
    """

    rubric: str = "cartpole-angle"
    """name of a rubric on the server, or a YAML or JSON file with one of your own"""
    task: str = "CartPole-v1"
    """what is shown: CartPole-v1, CartPoleContinuing-v0, MountainCar-v0, Acrobot-v1, Pendulum-v1, or a class
    of your own, my_module:MyTask"""
    frames: int = 1000
    """frames to score, nulls and controls included; at least 200"""
    name: str = "audit"
    """the audit's name; its files go to RUNS/NAME. An audit that was interrupted goes on from there"""
    runs: Path = Path("runs")
    """folder of all audits and runs"""
    overwrite: bool = False
    """replace an earlier audit of this name"""
    calibrate: bool = False
    """write calibrated.yaml: the rubric with a correction of its values built in, a shift or a monotone map,
    if that makes the error smaller on frames held out"""
    abstain_at_error: float | None = None
    """write calibrated.yaml: the rubric with limits on label mass and entropy built in, chosen so that the
    mean error of the values that are left is at most this, in the value's unit"""
    server_url: str = "http://127.0.0.1:8000"
    """address of the reward server; its key, where it asks for one, is in the variable REWARD_API_KEY"""
    seed: int = 0
    """seed of the states that are shown"""
    wait_ready_s: float = 600.0
    """seconds to wait until the server is ready"""
    outage_s: float = 60.0
    """seconds to try again while the server is away or overloaded, before the audit stops"""

    def __post_init__(self) -> None:
        if self.frames < FEWEST_FRAMES:
            raise AuditError(f"--frames must be at least {FEWEST_FRAMES}")
        if self.seed < 0:
            raise AuditError("--seed must be at least 0")
        if self.abstain_at_error is not None and not 0 < self.abstain_at_error < math.inf:
            raise AuditError("--abstain-at-error must be above 0, and finite")
        if not self.name or Path(self.name).is_absolute() or ".." in Path(self.name).parts:
            raise AuditError("--name must name a folder inside --runs")

    @property
    def folder(self) -> Path:
        """Where the audit's files go."""
        return self.runs / self.name

    def find_task(self) -> Task:
        """The task.

        Raises:
            AuditError: there is none of that name.
        """
        try:
            return find_task(self.task)
        except TaskError as error:
            raise AuditError(f"--task: {error}") from error

    def asked(self) -> dict[str, Any]:
        """The options that answers depend on."""
        return {"rubric": self.rubric, "task": self.task, "frames": self.frames, "seed": self.seed}
