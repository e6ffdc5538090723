"""The results of an experiment: reads the folders of its runs, and makes the table.

Not for doing the runs (``run_pool.py``), for the statistics (``seed_statistics.py``), for the rule of the
verdicts (``verdict.py``) or for pages (``report.py``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from statistics import fmean
from typing import Any

from agent.config import Arm, TrainConfig
from agent.experiment.seed_statistics import Interval, censored_median, iqm_interval
from agent.experiment.verdict import MIN_SEEDS, ArmResults, Verdict, verdict
from agent.recording.run_folder import METRICS, SUMMARY, read_rows
from reward_client.schema import Usage


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

    @property
    def score(self) -> float | None:
        """The mean of its greedy curve, the short evaluations during training; None where there were none."""
        curve = [row["eval/mean_return"] for row in self.metrics if "eval/mean_return" in row]
        return fmean(curve) if curve else None


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


def verdicts_of(
    plan: Sequence[TrainConfig], runs: Sequence[FinishedRun], random_returns: Mapping[str, float]
) -> list[Verdict]:
    """A verdict for each task.

    Args:
        plan: all runs.
        runs: those that are finished.
        random_returns: of random actions on each task.
    """
    found = []
    for task in dict.fromkeys(config.task for config in plan):
        arms: dict[Arm, ArmResults] = {}
        for arm in dict.fromkeys(config.arm for config in plan):
            some = _runs_of(runs, task, arm)
            arms[arm] = ArmResults(
                planned=sum((config.task, config.arm) == (task, arm) for config in plan),
                scores=scores_of(some),
                finals=finals_of(some),
            )
        found.append(verdict(task, arms, random_returns[task]))
    return found


def scores_of(runs: Sequence[FinishedRun]) -> list[float]:
    """The scores of the runs that have one."""
    return [score for run in runs if (score := run.score) is not None]


def finals_of(runs: Sequence[FinishedRun]) -> list[float]:
    """The mean true returns of the runs' final policies."""
    return [run.summary["mean_return"] for run in runs]


def _runs_of(runs: Sequence[FinishedRun], task: str, arm: Arm) -> list[FinishedRun]:
    return [run for run in runs if (run.config.task, run.config.arm) == (task, arm)]


def table_rows(runs: Sequence[FinishedRun]) -> list[dict[str, Any]]:
    """One row for each task and arm: score, final return, when the task was first solved, and the cost."""
    rows = []
    for name, arm in dict.fromkeys((run.config.task, run.config.arm) for run in runs):
        some = _runs_of(runs, name, arm)
        scores, finals = scores_of(some), finals_of(some)
        solved = [run.summary["first_solved"] or {} for run in some]
        bar = some[0].config.find_task().solved_return
        rows.append(
            {
                "task": name,
                "arm": arm.value,
                "seeds": len(some),
                "score": iqm_interval(scores) if len(scores) == len(some) else None,
                "final": iqm_interval(finals),
                "lowest_final": min(finals),
                "above_lowest": _above_lowest(some),
                "solved_at_the_end": sum(value >= bar for value in finals),
                "reached": sum(bool(entry) for entry in solved),
                # medians in which a seed that never got there counts as never; None: never
                "steps_to_solved": censored_median([entry.get("env_steps") for entry in solved]),
                "seconds_to_solved": censored_median([entry.get("wall_clock_s") for entry in solved]),
                "frames_failed": sum(run.summary["frames_failed"] for run in some),
                "usage": _usage(some),
            }
        )
    return rows


HEAD = (
    "task",
    "arm",
    "seeds",
    "score, IQM [95 %]",
    "final return, IQM [95 %]",
    "lowest final",
    "above lowest return",
    "solved at the end",
    "first solved, median",
    "frames failed",
)


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """A row of the table as text."""
    measured = row["score"] is not None
    return (
        row["task"],
        row["arm"],
        str(row["seeds"]),
        _shown(row["score"], row["seeds"]) if measured else "not measured",
        _shown(row["final"], row["seeds"]),
        f"{row['lowest_final']:.1f}",
        "not recorded" if row["above_lowest"] is None else f"{row['above_lowest']:.0%}",
        f"{row['solved_at_the_end']} of {row['seeds']}",
        _first_solved(row) if measured else "not measured",
        str(row["frames_failed"]),
    )


def _above_lowest(runs: Sequence[FinishedRun]) -> float | None:
    """Share of final greedy episodes with more than the task's lowest return, in the seed with the fewest.

    On MountainCar these are the episodes that reached the flag in time. None where a run was finished before
    summaries held each episode's return.
    """
    lowest, _ = runs[0].config.find_task().return_bounds
    returns = [run.summary.get("returns") for run in runs]
    if not all(returns):
        return None
    return min(fmean(value > lowest for value in values) for values in returns if values)


def _usage(runs: Sequence[FinishedRun]) -> dict[str, Any] | None:
    """What the answers to these runs cost together; None where one of them asked or counted nothing."""
    usages = [Usage.model_validate(usage) for run in runs if (usage := run.summary.get("usage"))]
    return reduce(Usage.plus, usages).model_dump() if usages and len(usages) == len(runs) else None


def _shown(interval: Interval, seeds: int) -> str:
    return str(interval) if seeds >= MIN_SEEDS else f"{interval.point:.1f}"


def _first_solved(row: dict[str, Any]) -> str:
    """The medians, and how many seeds got there where some did and others did not."""
    steps, seconds = row["steps_to_solved"], row["seconds_to_solved"]
    when = "never" if steps is None else f"{steps:.0f} steps, {seconds:.0f} s"
    some = 0 < row["reached"] < row["seeds"]
    return f"{when} ({row['reached']} of {row['seeds']} did)" if some else when


LEGEND = (
    "Score: mean true return of the greedy evaluations during training. First solved: by the first of them "
    "that reached the bar; in the medians a seed that never did counts as never. Above lowest return: share "
    "of the final greedy episodes with more than the task's lowest return (on MountainCar: that reached the "
    "flag), in the worst seed."
)


def markdown(rows: Sequence[dict[str, Any]], verdicts: Sequence[Verdict], floor: str) -> str:
    """The table and the verdicts as Markdown.

    Args:
        rows: of ``table_rows``.
        verdicts: of ``verdicts_of``.
        floor: what random actions earn, in a sentence.
    """
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    lines += ["| " + " | ".join(cells(row)) + " |" for row in rows]
    told = [f"- **{one.headline}** {one.details}".rstrip() for one in verdicts]
    return "\n".join([*lines, "", f"{LEGEND} {floor}", "", *told]) + "\n"
