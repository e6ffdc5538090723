"""What a comparison came to: its table, its verdicts, its report. Reads the folders of its runs.

Not for doing the runs (``compare.py``) or for the statistics themselves (``statistics.py``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from agent import html
from agent.arms import CONTROLS
from agent.comparison_plots import plot_curves, plot_final
from agent.config import TrainConfig
from agent.environments import EPISODE_STEPS, SOLVED_RETURN
from agent.recorder import LABELS, METRICS, read_rows
from agent.report import sample_grid, truth
from agent.statistics import MIN_SEEDS, Interval, Verdict, iqm_interval, verdict


class MixedRewardsError(Exception):
    """Runs of one comparison learned from rewards of different reward ids."""


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
        path = config.folder / "summary.json"
        if path.exists() and (summary := json.loads(path.read_text()))["error"] is None:
            runs.append(FinishedRun(config, summary, read_rows(config.folder / METRICS)))
    ids = {run.summary["reward_id"] for run in runs if run.summary["reward_id"]}
    if len(ids) > 1:
        raise MixedRewardsError(
            f"runs of this comparison learned from different rewards (reward ids {', '.join(sorted(ids))}); "
            "take another --name"
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


def write_comparison(folder: Path, plan: Sequence[TrainConfig], minutes: float) -> str:
    """Writes ``comparison.json``, ``table.md`` and ``report.html``.

    Args:
        folder: of the comparison.
        plan: all of its runs, finished or not.
        minutes: that it took this time.

    Returns:
        The Markdown table with the verdicts.

    Raises:
        MixedRewardsError: the runs' rewards are not the same quantity.
    """
    runs = read_runs(plan)
    envs = list(dict.fromkeys(str(config.env) for config in plan))
    rows, verdicts = table_rows(runs), verdicts_of(runs, envs)
    text = markdown(rows, verdicts)
    (folder / "table.md").write_text(text, encoding="utf-8")
    content = {
        "runs_planned": len(plan),
        "runs_finished": len(runs),
        "minutes_of_this_call": round(minutes, 1),
        "rows": [{**row, "iqm": asdict(row["iqm"])} for row in rows],
        "verdicts": [asdict(one) for one in verdicts],
    }
    (folder / "comparison.json").write_text(json.dumps(content, indent=2) + "\n")
    (folder / "report.html").write_text(_page(folder.name, plan, runs, rows, verdicts), encoding="utf-8")
    return text


def _page(
    name: str,
    plan: Sequence[TrainConfig],
    runs: Sequence[FinishedRun],
    rows: Sequence[dict[str, Any]],
    verdicts: Sequence[Verdict],
) -> str:
    parts = [html.paragraph(one.words, lead=True) for one in verdicts]
    if len(runs) < len(plan):
        parts.append(
            html.paragraph(f"{len(runs)} of {len(plan)} runs are finished; the rest is not in here.")
        )
    parts.append(html.section("Results", html.table(HEAD, map(cells, rows))))
    for env in dict.fromkeys(run.config.env for run in runs):
        some = [run for run in runs if run.config.env == env]
        by_arm: dict[str, list[list[dict[str, Any]]]] = {}
        final: dict[str, list[float]] = {}
        for run in some:
            by_arm.setdefault(run.config.arm.value, []).append(run.metrics)
            final.setdefault(run.config.arm.value, []).append(run.summary["mean_return"])
        parts.append(
            html.section(
                env,
                html.figure_image(plot_final(final), "final true return of every seed"),
                html.figure_image(plot_curves(by_arm, "step"), "true return over environment steps"),
                html.figure_image(plot_curves(by_arm, "charts/wall_clock_s"), "true return over time"),
                *_reading(some),
            )
        )
    if runs:
        configs = [(run.config.folder / "config.json").read_text() for run in runs]
        commits = sorted({str(json.loads(config)["git_commit"]) for config in configs})
        parts.append(
            html.section(
                "Configuration",
                html.paragraph(f"Commits of all runs: {', '.join(commits)}. The first run's configuration:"),
                html.preformatted(configs[0]),
            )
        )
    return html.page(f"Comparison {name}", parts)


def _reading(runs: Sequence[FinishedRun]) -> list[str]:
    """How well the VLM read the frames that the policies of its own arm visited."""
    own = [run for run in runs if run.config.arm.value == "vlm"]
    if not own:
        return []
    labels = [row for run in own for row in read_rows(run.config.folder / LABELS)]
    metrics = [row for run in own for row in run.metrics]
    return [*truth(metrics, labels), sample_grid(own[0].config.folder)]
