"""Audits a run's reward before the run, and refuses one that an agent would learn nothing good from.

``train --audit-first`` does as ``reward-audit`` does, into the folder ``audit`` of the run. Not for the audit
itself (``reward_audit/``), or for what is watched while a run trains (``training/watching/``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from agent.config import TrainConfig
from reward_audit.audit import audit
from reward_audit.config import AuditConfig
from reward_audit.own_rubric import OwnRubric
from reward_audit.rows import AUDIT_HTML, AUDIT_JSON
from reward_client import RewardClient
from reward_client.rubric import Rubric
from reward_report.folder_lock import locked
from reward_tasks.task import Task

AUDIT = "audit"
"""The audit's folder, inside the run's."""

REFUSED = ("collapsed", "ungrounded", "inverted")
"""Rankings that end a run before it begins: an agent learns nothing from them, or the opposite. The others
that an audit does not accept can still teach, and are a warning."""


class RewardRefusedError(Exception):
    """The audit refuses the reward; the message names verdict, reason and page."""


@dataclass(frozen=True)
class _RunAudit(AuditConfig):
    """An audit of the run's own task, with its options."""

    run_task: Task | None = field(default=None, compare=False)

    def find_task(self) -> Task:
        """The run's task."""
        return super().find_task() if self.run_task is None else self.run_task


def audit_first(
    config: TrainConfig, client: RewardClient, question: str | Rubric, asked: Rubric
) -> dict[str, Any]:
    """Audits the run's reward, or goes on with an audit that was interrupted; a finished one asks nothing.

    Args:
        config: the run's options; its folder is locked by the caller.
        client: of the server.
        question: what the run asks.
        asked: the same as a whole rubric.

    Returns:
        What ``audit.json`` holds.

    Raises:
        AuditError: the audit cannot be done.
        FolderLockedError: another audit writes the folder.
        RewardRefusedError: the ranking is one of ``REFUSED``, and ``--audit-anyway`` was not given.
        RewardServiceError: the server failed for good.
    """
    options = _RunAudit(
        rubric=question if isinstance(question, str) else f"{Path(config.rubric).stem} (the run's own)",
        task=config.task,
        frames=config.audit_frames,
        name=AUDIT,
        runs=config.folder,
        overwrite=config.overwrite,
        server_url=config.server_url,
        wait_ready_s=config.wait_ready_s,
        outage_s=config.outage_s,
        run_task=config.find_task(),
    )
    server = (
        client
        if isinstance(question, str)
        else OwnRubric.of(client, options.rubric, question, options.find_task())
    )
    with (
        locked(options.folder),
        tqdm(total=options.frames, desc="audit", unit="frame", smoothing=0.05) as bar,
    ):

        def tell(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        report = audit(options, server, tell, bar.write)
    print("\n".join([f"audit: ranking {report['verdict']['ranking']}", *report["reasons"]]), flush=True)
    if report["verdict"]["ranking"] in REFUSED and not config.audit_anyway:
        raise RewardRefusedError(
            f"not trained: {_found(report)} The page is {options.folder / AUDIT_HTML}; --audit-anyway trains "
            "all the same"
        )
    return report


def read_audit(folder: Path, reward_id: str | None, task: str) -> dict[str, Any] | None:
    """What a run's summary says of the audit before it.

    Args:
        folder: the run's.
        reward_id: of the rewards that the run learned from.
        task: that the run learned, as its options name it.

    Returns:
        Verdict, reasons, frames and page; whether the reward was refused; a ``warning`` where it was not
        accepted. None where the folder holds no finished audit of those rewards on that task.
    """
    path = folder / AUDIT / AUDIT_JSON
    if reward_id is None or not path.is_file():
        return None
    report = json.loads(path.read_text())
    if (report["reward_id"], report["options"]["task"]) != (reward_id, task):
        return None
    refused = report["verdict"]["ranking"] in REFUSED
    went_on = " The run was done all the same." if refused else ""
    return {
        "verdict": report["verdict"],
        "reasons": report["reasons"],
        "frames": report["options"]["frames"],
        "page": str(Path(AUDIT) / AUDIT_HTML),
        "refused": refused,
        "warning": f"{_found(report)}{went_on}" if report["exit_code"] else None,
    }


def _found(report: dict[str, Any]) -> str:
    return (
        f"the audit before training calls the ranking of this reward {report['verdict']['ranking']}. "
        f"{report['reasons'][0]}"
    )
