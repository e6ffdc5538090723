"""Writes the results of an experiment: ``experiment.json``, ``table.md``, ``report.html``.

Not for its table and verdicts (``results.py``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from markupsafe import Markup

from agent.config import TrainConfig
from agent.experiment.plots import plot_curves, plot_final
from agent.experiment.results import HEAD, FinishedRun, cells, markdown, read_runs, table_rows, verdicts_of
from agent.experiment.seed_statistics import Verdict
from agent.recording.provenance import described, origins
from agent.recording.run_folder import LABELS, read_rows
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
    tasks = list(dict.fromkeys(config.task for config in plan))
    rows, verdicts = table_rows(runs), verdicts_of(runs, tasks)
    text = markdown(rows, verdicts)
    (folder / "table.md").write_text(text, encoding="utf-8")
    content = {
        "runs_planned": len(plan),
        "runs_finished": len(runs),
        "minutes_of_this_call": round(minutes, 1),
        "rows": [{**row, "iqm": asdict(row["iqm"])} for row in rows],
        "verdicts": [asdict(one) for one in verdicts],
    }
    (folder / "experiment.json").write_text(json.dumps(content, indent=2) + "\n")
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
            html.paragraph(
                f"{len(runs)} of {len(plan)} runs are finished; this report leaves out the others."
            )
        )
    parts.append(html.section("Results", html.table(HEAD, map(cells, rows))))
    for name_of_task in dict.fromkeys(run.config.task for run in runs):
        some = [run for run in runs if run.config.task == name_of_task]
        task = some[0].config.find_task()
        by_arm: dict[str, list[list[dict[str, Any]]]] = {}
        final: dict[str, list[float]] = {}
        for run in some:
            by_arm.setdefault(run.config.arm.value, []).append(run.metrics)
            final.setdefault(run.config.arm.value, []).append(run.summary["mean_return"])
        parts.append(
            html.section(
                name_of_task,
                html.figure_image(plot_final(final, task), "final true return of every seed"),
                html.figure_image(plot_curves(by_arm, "step", task), "true return over environment steps"),
                html.figure_image(plot_curves(by_arm, "charts/wall_clock_s", task), "true return over time"),
                *_reading(some, task),
            )
        )
    if runs:
        configs = [(run.config.folder / "config.json").read_text() for run in runs]
        versions = sorted({described(origin) for config in configs for origin in origins(json.loads(config))})
        parts.append(
            html.section(
                "Configuration",
                html.paragraph(f"Code of all runs: {'; '.join(versions)}. The first run's configuration:"),
                html.preformatted(configs[0]),
            )
        )
    return html.page(f"Experiment {name}", parts)


def _reading(runs: Sequence[FinishedRun], task: Task) -> list[Markup]:
    """How well the VLM read the frames that the policies of its own arm visited."""
    own = [run for run in runs if run.config.arm.value == "vlm"]
    if not own:
        return []
    labels = [row for run in own for row in read_rows(run.config.folder / LABELS)]
    metrics = [row for run in own for row in run.metrics]
    return [*truth(metrics, labels, task), sample_grid(own[0].config.folder, task)]
