"""Writes the pictures and ``report.html`` of one run from the files in its folder.

Not for several runs (``experiment/report.py``), or for a page while a run goes (``refresh/``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.config import task_of
from agent.recording.run_folder import (
    CONFIG,
    LABELS,
    LEARNING_CURVE,
    METRICS,
    REPORT,
    SUMMARY,
    VALUE_SCATTER,
    read_json,
    read_rows,
)
from agent.reporting.findings import findings
from agent.reporting.label_plots import plot_values
from agent.reporting.measures import Labels, labels_of
from agent.reporting.page.answer import answer, tone
from agent.reporting.page.evidence import sample_grid, truth, watched
from agent.reporting.page.setting import files, film, setting
from agent.reporting.run_plots import plot_evaluations, plot_learning_curve
from reward_report import html
from reward_report.text_file import write_text
from reward_tasks.task import Task


def write_report(folder: Path) -> Path:
    """Writes the report of a run, and two of its pictures as files of their own.

    Args:
        folder: the run's, with its summary.

    Returns:
        The file.
    """
    summary, config = read_json(folder / SUMMARY), read_json(folder / CONFIG)
    metrics, rows = read_rows(folder / METRICS), read_rows(folder / LABELS)
    task = task_of(config["options"])
    labels = labels_of(rows, task)
    plot_learning_curve(metrics, summary, task).savefig(folder / LEARNING_CURVE)
    values = next((figure for column in task.columns if (figure := plot_values(labels, column))), None)
    if values is not None:
        values.savefig(folder / VALUE_SCATTER)
    page = run_page(folder, _with_findings(summary, rows, config, task), config, metrics, labels)
    write_text(folder / REPORT, page)
    return folder / REPORT


def run_page(
    folder: Path,
    summary: dict[str, Any],
    config: Mapping[str, Any],
    metrics: Sequence[dict[str, Any]],
    labels: Labels,
    refresh_s: int | None = None,
) -> str:
    """The page of a run.

    Args:
        folder: has its samples, and its film where there is one.
        summary: with the findings.
        config: what ``config.json`` holds.
        metrics: the records of ``metrics.jsonl``.
        labels: of its frames.
        refresh_s: time after which a browser loads it again; None for a finished run.
    """
    task = task_of(config["options"])
    learning = [
        html.figure_image(plot_learning_curve(metrics, summary, task), "returns over environment steps"),
        html.figure_image(plot_evaluations(metrics, task), "greedy evaluations over wall-clock time"),
    ]
    parts = [
        *answer(summary, metrics, task),
        files(folder, summary),
        html.section("Learning", html.side_by_side(learning)),
        html.section("The final policy", *film(folder)),
        html.section("Reward against the truth", *truth(metrics, labels, task)),
        html.section("The audit during training", *watched(summary)),
        html.section("Frames and verbatim answers", sample_grid(folder, task)),
        html.section("Configuration", *setting(summary, config)),
    ]
    return html.page(f"Run {folder.name}", parts, tone(summary), refresh_s)


def _with_findings(
    summary: dict[str, Any], rows: Sequence[dict[str, Any]], config: dict[str, Any], task: Task
) -> dict[str, Any]:
    """A summary with its findings: those that it holds, or those of an older run's labels."""
    if "labelled_frames" in summary:
        return summary
    question = (config.get("rubric") or {}).get("prompt") or summary["prompt"]
    return {**summary, **findings(rows, config, task, question)}
