"""What follows from the answers of an audit: verdict, measures, and what mends the rubric.

Not for asking (``audit.py``), and not for the measures of one condition (``findings.py``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from reward_audit import findings
from reward_audit.config import AuditConfig
from reward_audit.findings import Answered
from reward_audit.judging.verdict import judge
from reward_audit.measures import success
from reward_audit.mending.abstention import abstain
from reward_audit.mending.calibration import calibrate
from reward_audit.mending.mended_rubric import mended_rubric, write_rubric
from reward_audit.rows import CALIBRATED, Row
from reward_audit.showing.conditions import SHUFFLED, SHUFFLED_TOLD, SWEEP, Condition, Kind
from reward_client.schema import RubricDetail
from reward_tasks.task import Column, Task


def conclude(
    config: AuditConfig,
    task: Task,
    conditions: Sequence[Condition],
    detail: RubricDetail,
    rows: Sequence[Row],
) -> dict[str, Any]:
    """Draws the conclusions, and writes the mended rubric where one was asked for and helps.

    Args:
        config: the audit's options.
        task: whose states were shown.
        conditions: beside the sweep.
        detail: the rubric that was asked.
        rows: all answers.

    Returns:
        What ``audit.json`` holds beside the audit's setting.
    """
    nulls = [*(condition.name for condition in conditions if condition.kind is Kind.NULL), SHUFFLED]
    column = read_column(task, detail.rubric.unit)
    found = findings.by_condition(rows, conditions, column, config.seed)
    verdict = judge(findings.evidence_of(found, nulls, bounds(detail)))

    def beside(names: Sequence[str]) -> dict[str, Any]:
        return {name: findings.beside_sweep(found, name, config.seed) for name in names}

    return {
        "verdict": {"ranking": verdict.ranking.name, "values": verdict.values.name},
        "reasons": verdict.reasons,
        "exit_code": verdict.exit_code,
        "judgements": {"ranking": asdict(verdict.ranking), "values": asdict(verdict.values)},
        "truth": None if column is None else asdict(column),
        "success": success_of(task, [row for row in rows if row["condition"] == SWEEP.name]),
        "measures": findings.measures_of(found, nulls, config.seed),
        "nulls": beside(nulls),
        "controls": beside([c.name for c in conditions if c.kind is Kind.CONTROL]),
        "robustness": beside([c.name for c in conditions if c.kind is Kind.ROBUSTNESS]),
        **_mend(config, detail, found[SWEEP.name]),
        "told": {SHUFFLED: SHUFFLED_TOLD, **{c.name: c.told for c in conditions}},
    }


def success_of(task: Task, swept: Sequence[Row]) -> dict[str, Any] | None:
    """How well the rewards tell the task's success states from the others, and a perfect reader's rewards.

    Args:
        task: says which states are a success.
        swept: the answers to the states as they are.

    Returns:
        What ``audit.json`` holds as ``success``: for ``reward`` and ``oracle`` the rates at a threshold that
        as many frames reach as are a success, false positives first. None where the task has no such states.
    """
    truth = {column.name: np.array([row[f"true_{column.name}"] for row in swept]) for column in task.columns}
    succeeded = task.succeeded(truth)
    if succeeded is None:
        return None
    rewards = np.array([row["reward"] for row in swept], dtype=np.float64)  # None becomes NaN
    oracle = np.array([row["oracle"] for row in swept], dtype=np.float64)
    oracle[np.isnan(rewards)] = np.nan  # so that both are of the same frames
    scored = ~np.isnan(rewards)
    return {
        "definition": task.success,
        "successes": int(np.count_nonzero(succeeded & scored)),
        "failures": int(np.count_nonzero(~succeeded & scored)),
        "reward": _told_apart(rewards, succeeded),
        "oracle": _told_apart(oracle, succeeded),
    }


def _told_apart(scores: findings.Floats, succeeded: success.Bools) -> dict[str, float | None]:
    threshold = success.break_even_threshold(scores, succeeded)
    positive = negative = None
    if threshold is not None:
        positive = success.false_positive_rate(scores, succeeded, threshold)
        negative = success.false_negative_rate(scores, succeeded, threshold)
    return {
        "false_positive_rate": positive,
        "false_negative_rate": negative,
        "threshold": threshold,
        "auroc": success.auroc(scores, succeeded),
    }


def _mend(config: AuditConfig, detail: RubricDetail, sweep: Answered) -> dict[str, Any]:
    """Calibration and abstention, each None where it was not asked for; the file, where anything helps."""
    rubric, unit, limit = detail.rubric, detail.rubric.unit or "", config.abstain_at_error
    calibration = calibrate(sweep, rubric, unit) if config.calibrate else None
    knots = None if calibration is None else calibration.knots
    abstention = None if limit is None else abstain(sweep, knots, limit, unit)
    mended = mended_rubric(rubric, calibration, abstention)
    (config.folder / CALIBRATED).unlink(missing_ok=True)
    if mended is not None:
        write_rubric(
            config.folder / CALIBRATED, mended, [one.told for one in (calibration, abstention) if one]
        )
    return {
        "calibration": None if calibration is None else asdict(calibration),
        "abstention": None if abstention is None else asdict(abstention),
        "mended": None if mended is None else CALIBRATED,
    }


def read_column(task: Task, unit: str | None) -> Column | None:
    """What of a task's truth a rubric reads: the first column in its unit."""
    return next((column for column in task.columns if column.unit is not None and column.unit == unit), None)


def bounds(detail: RubricDetail) -> tuple[float, float]:
    """Of the rubric's rewards; infinite where there is none."""
    low, high = detail.reward_bounds.low, detail.reward_bounds.high
    return -math.inf if low is None else low, math.inf if high is None else high
