"""One audit from its options to its folder: shows states, asks, judges, and writes what came out.

Not for the command line (``commands.py``), nor for the page (``audit_report.py``).
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from reward_audit.asking import Server, answers
from reward_audit.conclusions import bounds, conclude
from reward_audit.config import AuditConfig, AuditError
from reward_audit.measures.answers import entropy_of_probabilities
from reward_audit.reporting.audit_report import write_report
from reward_audit.reporting.samples import keep_samples
from reward_audit.rows import AUDIT_JSON, CONFIG, OWN_FILES, ROWS, Row, RowLog
from reward_audit.showing import plan
from reward_audit.showing.conditions import SWEEP, Condition
from reward_audit.showing.nulls import NULLS
from reward_audit.showing.robustness import ROBUSTNESS
from reward_audit.showing.stage import Stage
from reward_audit.showing.sweep import SweptState, sweep_states
from reward_client.schema import RewardItem, RubricDetail, ServerInfo
from reward_client.version import __version__
from reward_report.json_file import write_json
from reward_tasks.task import Task

Progress = Callable[[int, int], None]
"""Told how many frames are scored, and how many the audit has."""


def audit(
    config: AuditConfig, server: Server, progress: Progress, say: Callable[[str], None]
) -> dict[str, Any]:
    """Does one audit, or goes on with one that was interrupted, for whoever holds its folder.

    Args:
        config: its options.
        server: where frames are scored.
        progress: told after each answer.
        say: told how the budget is split, before anything is asked.

    Returns:
        What ``audit.json`` holds.

    Raises:
        AuditError: the rubric cannot be asked, or has one reward for all; the task does not know what is true
            in some frames; the folder holds another audit, or none; the server's rewards changed.
        RewardServiceError: the server failed for good. The answers so far are kept.
    """
    task = config.find_task()
    info = server.info()
    detail = _rubric(config.rubric, server, info)
    conditions = applicable(task)
    swept, counts = plan.split_budget(config.frames, conditions)
    split = {**{source.value: count for source, count in swept.items()}, **counts}
    say(_split_in_words(config, split, sum(swept.values())))
    states = sweep_states(task, swept, config.seed)
    jobs = plan.plan_jobs(states, conditions, counts)
    with Stage(task, states, config.seed) as stage:
        _check_truths(config.task, stage, jobs)
        log = _open(config, _identity(config, info, detail, plan.digest(states, jobs), split))
        _gather(log, jobs, states, stage, server, info, detail, progress)
        keep_samples(config.folder, task, stage, jobs, log.rows)
    report = {
        **conclude(config, task, conditions, detail, log.rows),
        **json.loads((config.folder / CONFIG).read_text()),
    }
    write_json(config.folder / AUDIT_JSON, report)
    write_report(config.folder)
    return report


def applicable(task: Task) -> list[Condition]:
    """The conditions beside the sweep that a task can show."""
    observed = task.observation_scale[None]
    shows_mirrored = task.mirrored(observed) is not None
    return [c for c in (*NULLS, *ROBUSTNESS) if shows_mirrored or not c.mirrored]


def _rubric(name: str, server: Server, info: ServerInfo) -> RubricDetail:
    known = info.rubrics.get(name)
    if known is None:
        raise AuditError(f"the server has no rubric {name!r}; it has {', '.join(sorted(info.rubrics))}")
    if known.unavailable:
        raise AuditError(f"the server's model cannot answer {name!r}: {known.unavailable}")
    detail = server.rubric(name)
    low, high = bounds(detail)
    if low >= high:
        raise AuditError(f"{name} rewards every frame with {low:g}, so there is no order to judge")
    return detail


def _check_truths(task: str, stage: Stage, jobs: Sequence[plan.Job]) -> None:
    """Raises an AuditError where an answer would have nothing to be held against."""
    unknown = sum(not all(map(math.isfinite, stage.truth(job).values())) for job in jobs)
    if unknown:
        raise AuditError(
            f"--task: {task} does not know what is true in {unknown} of {len(jobs)} frames: its truth or its "
            "oracle gives no number there"
        )


def _split_in_words(config: AuditConfig, split: Mapping[str, int], swept: int) -> str:
    parts = ", ".join(f"{name} {count}" for name, count in split.items())
    return (
        f"{config.frames} frames of {config.task} for {config.rubric}: {swept} states as they are, "
        f"{config.frames - swept} for nulls, controls and robustness ({parts})"
    )


def _identity(
    config: AuditConfig, info: ServerInfo, detail: RubricDetail, plan_sha256: str, split: Mapping[str, int]
) -> dict[str, Any]:
    """What ``config.json`` holds; answers go together where options, reward id and plan are the same."""
    return {
        "options": config.asked(),
        "reward_id": detail.reward_id,
        "plan_sha256": plan_sha256,
        "split": dict(split),
        "rubric": detail.rubric.model_dump(mode="json", by_alias=True),
        "prompt": detail.prompt,
        "server": info.model_dump(mode="json", include={"model", "revision", "dtype", "device", "engine"}),
        "version": __version__,
    }


def _open(config: AuditConfig, identity: dict[str, Any]) -> RowLog:
    """The answers that are there already, none at first.

    Raises:
        AuditError: the folder holds another audit, or something else.
    """
    path = config.folder / CONFIG
    earlier = json.loads(path.read_text()) if path.exists() else None
    if earlier is not None and "plan_sha256" not in earlier:
        raise AuditError(f"{config.folder} holds something else than an audit; choose another --name")
    if config.overwrite:
        for name in OWN_FILES:
            _remove(config.folder / name)
        earlier = None
    if earlier is not None:
        differing = _differences(earlier, identity)
        if differing:
            raise AuditError(
                f"{config.folder} holds an audit with another {differing}; --overwrite replaces it, or "
                "choose another --name"
            )
    elif (config.folder / ROWS).exists():
        raise AuditError(f"{config.folder} holds answers without {CONFIG}; choose another --name")
    else:
        write_json(path, identity)
    return RowLog(config.folder / ROWS)


def _differences(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    then = earlier.get("options", {})
    found = [
        f"--{key} ({then.get(key)} then, {value} now)"
        for key, value in now["options"].items()
        if then.get(key) != value
    ]
    if not found and earlier.get("reward_id") != now["reward_id"]:
        found = [f"reward id ({earlier.get('reward_id')} then, {now['reward_id']} now)"]
    if not found and earlier.get("plan_sha256") != now["plan_sha256"]:
        found = ["plan: another version of this package, or of Gymnasium, shows other states"]
    return ", ".join(found)


def _gather(
    log: RowLog,
    jobs: Sequence[plan.Job],
    states: Sequence[SweptState],
    stage: Stage,
    server: Server,
    info: ServerInfo,
    detail: RubricDetail,
    progress: Progress,
) -> None:
    """Asks what was not answered yet."""
    done = {(row["condition"], row["place"]) for row in log.rows}
    reward_ids = {row["condition"]: row["reward_id"] for row in log.rows}
    reward_ids.setdefault(SWEEP.name, detail.reward_id)
    progress(len(done), len(jobs))

    def question(job: plan.Job) -> Any:
        asked = job.condition.question(detail.rubric)
        return detail.name if asked == detail.rubric else asked

    todo = [job for job in jobs if job.key not in done]
    for batch, answer in answers(server, todo, stage.frame, question, info.limits.max_images_per_request):
        expected = reward_ids.setdefault(batch[0].condition.name, answer.reward_id)
        if answer.reward_id != expected:
            raise AuditError(
                f"the reward id of {batch[0].condition.name} changed from {expected} to {answer.reward_id}: "
                "the server serves another model or rubric now; --overwrite starts anew"
            )
        log.append(
            {
                "condition": job.condition.name,
                "place": job.place,
                "state": job.state,
                "source": states[job.state].source.value,
                **_answered(item),
                **stage.truth(job),
                "reward_id": answer.reward_id,
            }
            for job, item in zip(batch, answer.data, strict=True)
        )
        progress(len(log.rows), len(jobs))


def _answered(item: RewardItem) -> Row:
    probabilities = item.probabilities
    return {
        "reward": item.reward,
        "status": item.status.value,
        "message": item.message,
        "value": item.value,
        "unit": item.unit,
        "text": item.text,
        "label_mass": item.label_mass,
        "entropy": None if probabilities is None else entropy_of_probabilities(list(probabilities.values())),
    }


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
