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
from agent.environments import EPISODE_STEPS, SOLVED_RETURN
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
    """One row for each environment and arm: final return, and when 475 was first reached."""
    rows = []
    for env, arm in dict.fromkeys((run.config.env, run.config.arm) for run in runs):
        some = [run for run in runs if (run.config.env, run.config.arm) == (env, arm)]
        returns = [run.summary["mean_return"] for run in some]
        reached = [run.summary["first_reached_475"] for run in some if run.summary["first_reached_475"]]
        rows.append(
            {
                "env": env,
                "arm": arm.value,
                "seeds": len(some),
                "iqm": iqm_interval([returns]),
                "lowest": min(returns),
                "highest": max(returns),
                "solved": sum(value >= SOLVED_RETURN for value in returns),
                "reached": len(reached),
                "steps_to_475": median(entry["env_steps"] for entry in reached) if reached else None,
                "seconds_to_475": median(entry["wall_clock_s"] for entry in reached) if reached else None,
                "evaluated": any(run.config.eval_every for run in some),
                "frames_failed": sum(run.summary["frames_failed"] for run in some),
            }
        )
    return rows


HEAD = (
    "environment",
    "arm",
    "seeds",
    "true return, IQM [95 %]",
    "share of 500",
    "lowest seed",
    "final ≥ 475",
    "seeds that reached 475",
    "steps to 475",
    "seconds to 475",
    "frames failed",
)


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """A row of the table as text."""
    interval: Interval = row["iqm"]
    unseen = "never" if row["evaluated"] else "not measured"
    return (
        row["env"],
        row["arm"],
        str(row["seeds"]),
        str(interval) if row["seeds"] >= MIN_SEEDS else f"{interval.point:.1f}",
        f"{interval.point / EPISODE_STEPS:.3f}",
        f"{row['lowest']:.1f}",
        f"{row['solved']} of {row['seeds']}",
        f"{row['reached']} of {row['seeds']}" if row["evaluated"] else unseen,
        unseen if row["steps_to_475"] is None else f"{row['steps_to_475']:.0f}",
        unseen if row["seconds_to_475"] is None else f"{row['seconds_to_475']:.0f}",
        str(row["frames_failed"]),
    )


def markdown(rows: Sequence[dict[str, Any]], verdicts: Sequence[Verdict]) -> str:
    """The table and the verdicts as Markdown."""
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    lines += ["| " + " | ".join(cells(row)) + " |" for row in rows]
    return "\n".join([*lines, "", *(f"- {one.words}" for one in verdicts)]) + "\n"


def verdicts_of(runs: Sequence[FinishedRun], envs: Sequence[str]) -> list[Verdict]:
    """A verdict for each environment."""
    controls = [arm.value for arm in CONTROLS]
    found = []
    for env in envs:
        scores: dict[str, list[float]] = {}
        for run in runs:
            if run.config.env == env:
                scores.setdefault(run.config.arm.value, []).append(run.summary["mean_return"])
        found.append(verdict(env, scores, controls))
    return found
