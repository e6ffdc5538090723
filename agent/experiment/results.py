"""The results of an experiment: its table and its verdicts. Reads the folders of its runs.

Not for doing the runs (``run_pool.py``), for the statistics (``seed_statistics.py``) or for pages
(``report.py``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from agent.config import TrainConfig
from agent.experiment.seed_statistics import MIN_SEEDS, Interval, Verdict, iqm_interval, verdict
from agent.recording.run_folder import METRICS, SUMMARY, read_rows
from agent.rewards.arms import CONTROLS


class MixedRewardsError(Exception):
    """Runs of one experiment learned from rewards of different reward ids."""


@dataclass(frozen=True)
class FinishedRun:
    """A complete run.

    Attributes:
        config: its options.
        summary: its ``summary.json``.
        metrics: its ``metrics.jsonl``.
    """

    config: TrainConfig
    summary: dict[str, Any]
    metrics: list[dict[str, Any]]


def read_runs(plan: Sequence[TrainConfig]) -> list[FinishedRun]:
    """The runs of a plan that are complete.

    Raises:
        MixedRewardsError: their rewards are not the same quantity.
    """
    runs = []
    for config in plan:
        path = config.folder / SUMMARY
        if path.exists() and (summary := json.loads(path.read_text()))["error"] is None:
            runs.append(FinishedRun(config, summary, read_rows(config.folder / METRICS)))
    ids = {run.summary["reward_id"] for run in runs if run.summary["reward_id"]}
    if len(ids) > 1:
        raise MixedRewardsError(
            f"runs of this experiment learned from different rewards (reward ids {', '.join(sorted(ids))}); "
            "choose another --name"
        )
    return runs


def table_rows(runs: Sequence[FinishedRun]) -> list[dict[str, Any]]:
    """One row for each task and arm: final return, and when the task was first solved."""
    rows = []
    for name, arm in dict.fromkeys((run.config.task, run.config.arm) for run in runs):
        some = [run for run in runs if (run.config.task, run.config.arm) == (name, arm)]
        task = some[0].config.find_task()
        low, high = task.return_bounds
        returns = [run.summary["mean_return"] for run in some]
        reached = [run.summary["first_solved"] for run in some if run.summary["first_solved"]]
        rows.append(
            {
                "task": name,
                "arm": arm.value,
                "seeds": len(some),
                "iqm": (interval := iqm_interval([returns])),
                "share": (interval.point - low) / (high - low),
                "lowest": min(returns),
                "highest": max(returns),
                "solved": sum(value >= task.solved_return for value in returns),
                "reached": len(reached),
                "steps_to_solved": median(entry["env_steps"] for entry in reached) if reached else None,
                "seconds_to_solved": median(entry["wall_clock_s"] for entry in reached) if reached else None,
                "evaluated": any(run.config.eval_every for run in some),
                "frames_failed": sum(run.summary["frames_failed"] for run in some),
            }
        )
    return rows


HEAD = (
    "task",
    "arm",
    "seeds",
    "true return, IQM [95 %]",
    "share of the range",
    "lowest seed",
    "solved at the end",
    "seeds that solved it",
    "steps to solved",
    "seconds to solved",
    "frames failed",
)


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """A row of the table as text."""
    interval: Interval = row["iqm"]
    unseen = "never" if row["evaluated"] else "not measured"
    return (
        row["task"],
        row["arm"],
        str(row["seeds"]),
        str(interval) if row["seeds"] >= MIN_SEEDS else f"{interval.point:.1f}",
        f"{row['share']:.3f}",
        f"{row['lowest']:.1f}",
        f"{row['solved']} of {row['seeds']}",
        f"{row['reached']} of {row['seeds']}" if row["evaluated"] else unseen,
        unseen if row["steps_to_solved"] is None else f"{row['steps_to_solved']:.0f}",
        unseen if row["seconds_to_solved"] is None else f"{row['seconds_to_solved']:.0f}",
        str(row["frames_failed"]),
    )


def markdown(rows: Sequence[dict[str, Any]], verdicts: Sequence[Verdict]) -> str:
    """The table and the verdicts as Markdown."""
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    lines += ["| " + " | ".join(cells(row)) + " |" for row in rows]
    return "\n".join([*lines, "", *(f"- {one.words}" for one in verdicts)]) + "\n"


def verdicts_of(runs: Sequence[FinishedRun], tasks: Sequence[str]) -> list[Verdict]:
    """A verdict for each task."""
    controls = [arm.value for arm in CONTROLS]
    found = []
    for task in tasks:
        scores: dict[str, list[float]] = {}
        for run in runs:
            if run.config.task == task:
                scores.setdefault(run.config.arm.value, []).append(run.summary["mean_return"])
        found.append(verdict(task, scores, controls))
    return found
