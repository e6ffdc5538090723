"""Writes the results of an experiment: ``experiment.json``, ``table.md``, ``report.html``.

Not for its table (``results.py``) and verdicts (``verdict.py``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from markupsafe import Markup

from agent.config import TrainConfig
from agent.experiment.plots import plot_curves, plot_scores
from agent.experiment.random_policy import EPISODES, random_return
from agent.experiment.results import (
    HEAD,
    LEGEND,
    FinishedRun,
    cells,
    finals_of,
    markdown,
    read_runs,
    scores_of,
    table_rows,
    verdicts_of,
)
from agent.experiment.seed_statistics import Interval
from agent.experiment.verdict import Verdict
from agent.recording.provenance import described, origins
from agent.recording.run_folder import LABELS, read_rows
from agent.reporting.measures import labels_of
from agent.reporting.run_report import sample_grid, truth
from reward_report import html
from reward_tasks.task import Task


def write_report(folder: Path, plan: Sequence[TrainConfig], minutes: float) -> str:
    """Writes ``experiment.json``, ``table.md`` and ``report.html``.

    Args:
        folder: of the experiment.
        plan: all of its runs, finished or not.
        minutes: how long this call took.

    Returns:
        The Markdown table with the verdicts.

    Raises:
        MixedRewardsError: the runs' rewards are not the same quantity.
    """
    runs = read_runs(plan)
    random_returns = {config.task: random_return(config) for config in _one_of_each_task(plan)}
    rows, verdicts = table_rows(runs), verdicts_of(plan, runs, random_returns)
    text = markdown(rows, verdicts, _floor(random_returns))
    (folder / "table.md").write_text(text, encoding="utf-8")
    content = {
        "runs_planned": len(plan),
        "runs_finished": len(runs),
        "minutes_of_this_call": round(minutes, 1),
        "random_returns": random_returns,
        "rows": [{**row, **{key: _plain(row[key]) for key in ("score", "final")}} for row in rows],
        "verdicts": [asdict(one) for one in verdicts],
    }
    (folder / "experiment.json").write_text(json.dumps(content, indent=2) + "\n")
    page = _page(folder.name, plan, runs, rows, verdicts, random_returns)
    (folder / "report.html").write_text(page, encoding="utf-8")
    return text


def _one_of_each_task(plan: Sequence[TrainConfig]) -> list[TrainConfig]:
    return list({config.task: config for config in plan}.values())


def _plain(interval: Interval | None) -> dict[str, Any] | None:
    return None if interval is None else asdict(interval)


def _floor(random_returns: Mapping[str, float]) -> str:
    """What random actions earn, in a sentence beside the table."""
    returns = ", ".join(f"{value:.1f} on {task}" for task, value in random_returns.items())
    return f"Return of random actions, mean of {EPISODES} episodes: {returns}."


def _page(
    name: str,
    plan: Sequence[TrainConfig],
    runs: Sequence[FinishedRun],
    rows: Sequence[dict[str, Any]],
    verdicts: Sequence[Verdict],
    random_returns: Mapping[str, float],
) -> str:
    parts = [part for one in verdicts for part in _verdict(one)]
    if len(runs) < len(plan):
        parts.append(
            html.paragraph(
                f"{len(runs)} of {len(plan)} runs are finished; this report leaves out the others."
            )
        )
    for config in _one_of_each_task(plan):
        name_of_task, some = config.task, [run for run in runs if run.config.task == config.task]
        if some:
            results = [
                html.table(HEAD[1:], [cells(row)[1:] for row in rows if row["task"] == name_of_task]),
                html.paragraph(f"{LEGEND} {_floor({name_of_task: random_returns[name_of_task]})}"),
            ]
            pictures = _pictures(some, config.find_task(), random_returns[name_of_task])
            parts.append(html.section(name_of_task, *results, *pictures))
    if runs:
        configs = [(run.config.folder / "config.json").read_text() for run in runs]
        versions = sorted({described(origin) for text in configs for origin in origins(json.loads(text))})
        parts.append(
            html.section(
                "Configuration",
                html.paragraph(f"Code of all runs: {'; '.join(versions)}. The first run's configuration:"),
                html.preformatted(configs[0]),
            )
        )
    return html.page(f"Experiment {name}", parts)


def _verdict(one: Verdict) -> list[Markup]:
    if one.teaches is not None:
        return [html.result("good" if one.teaches else "bad", one.headline, [one.details])]
    return [
        html.paragraph(one.headline, lead=True),
        *([html.paragraph(one.details)] if one.details else []),
    ]


def _pictures(runs: Sequence[FinishedRun], task: Task, random_return: float) -> list[Markup]:
    """The runs of all arms on a task."""
    by_arm: dict[str, list[FinishedRun]] = {}
    for run in runs:
        by_arm.setdefault(run.config.arm.value, []).append(run)
    scores = {arm: scores_of(some) for arm, some in by_arm.items()}
    finals = {arm: finals_of(some) for arm, some in by_arm.items()}
    metrics = {arm: [run.metrics for run in some] for arm, some in by_arm.items()}
    return [
        html.figure_image(
            plot_scores(scores, finals, random_return, task), "score and final true return of every seed"
        ),
        html.figure_image(plot_curves(metrics, "step", task), "true return over environment steps"),
        html.figure_image(plot_curves(metrics, "charts/wall_clock_s", task), "true return over time"),
        *_reading(runs, task),
    ]


def _reading(runs: Sequence[FinishedRun], task: Task) -> list[Markup]:
    """How well the VLM read the frames that the policies of its own arm visited."""
    own = [run for run in runs if run.config.arm.value == "vlm"]
    if not own:
        return []
    rows = [row for run in own for row in read_rows(run.config.folder / LABELS)]
    metrics = [row for run in own for row in run.metrics]
    return [*truth(metrics, labels_of(rows, task), task), sample_grid(own[0].config.folder, task)]
