"""Writes the pictures and ``report.html`` of one run from the files in its folder.

Not for several runs (``experiment/report.py``).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from agent.config import task_of
from agent.recording.marked_frame import true_text
from agent.recording.run_folder import (
    CONFIG,
    LABELS,
    LEARNING_CURVE,
    METRICS,
    REPORT,
    SUMMARY,
    VALUE_SCATTER,
    read_rows,
)
from agent.reporting.run_plots import (
    mean_error,
    plot_evaluations,
    plot_learning_curve,
    plot_returns,
    plot_values,
    sign_accuracy,
    value_pairs,
)
from reward_report import html
from reward_tasks.task import Column, Task


def write_report(folder: Path) -> Path:
    """Writes the report of a run, and the pictures that it shows as files of their own.

    Args:
        folder: the run's, with its summary.

    Returns:
        The file.
    """
    summary = json.loads((folder / SUMMARY).read_text())
    config = json.loads((folder / CONFIG).read_text())
    metrics, labels = read_rows(folder / METRICS), read_rows(folder / LABELS)
    task = task_of(config["options"])
    plot_learning_curve(metrics, summary, task).savefig(folder / LEARNING_CURVE)
    values = next((figure for column in task.columns if (figure := plot_values(labels, column))), None)
    if values is not None:
        values.savefig(folder / VALUE_SCATTER)
    parts = [
        html.paragraph(headline(summary), lead=True),
        html.section(
            "Learning",
            html.file_image(folder / LEARNING_CURVE, "returns over environment steps"),
            html.figure_image(plot_evaluations(metrics, task), "greedy evaluations over wall-clock time"),
        ),
        html.section("Reward against the truth", *truth(metrics, labels, task)),
        html.section("Frames and verbatim answers", sample_grid(folder, task)),
        html.section("The final policy", *_film(folder)),
        html.section(
            "Configuration",
            html.table(("", ""), [(key, value) for key, value in summary.items()]),
            html.preformatted(json.dumps(config, indent=2)),
        ),
    ]
    path = folder / REPORT
    path.write_text(html.page(f"Run {folder.name}", parts), encoding="utf-8")
    return path


def headline(summary: dict[str, Any]) -> str:
    """The result, in a sentence or two."""
    if summary["error"]:
        return f"The run broke off after {summary['env_steps']} steps: {summary['error']}"
    learned = source_of(summary)
    failed = f" {summary['frames_failed']} frames had no reward." if summary["frames_failed"] else ""
    return (
        f"{'Solved' if summary['solved'] else 'Not solved'}: mean true return {summary['mean_return']:.1f}, "
        f"lowest {summary['min_return']:.0f}, over {summary['eval_episodes']} greedy episodes of "
        f"{summary['task']} after {summary['env_steps']} steps that learned from {learned}.{failed}"
    )


def source_of(summary: dict[str, Any]) -> str:
    """Where a run's rewards came from.

    >>> source_of({"arm": "shuffled", "model": "llava"})
    'the arm shuffled of llava'
    """
    if summary["arm"] == "vlm":
        return f"the rewards of {summary['model']}"
    return f"the arm {summary['arm']}" + (f" of {summary['model']}" if summary["model"] else "")


def truth(metrics: Sequence[dict[str, Any]], labels: Sequence[dict[str, Any]], task: Task) -> list[Markup]:
    """What the VLM read, beside the truth: of one run or of several.

    Args:
        metrics: the records of ``metrics.jsonl``.
        labels: the records of ``labels.jsonl``.
        task: what was learned.
    """
    if not labels:
        return []
    parts = [html.figure_image(plot_returns(metrics), "VLM return against true return")]
    for column in task.columns:
        pairs = value_pairs(labels, column)
        if len(pairs):
            parts += _reading(labels, column, pairs)
    statuses = Counter(row["status"] for row in labels)
    parts.append(html.table(("status", "frames"), sorted(statuses.items())))
    return parts


def _reading(labels: Sequence[dict[str, Any]], column: Column, pairs: NDArray[np.float64]) -> list[Markup]:
    """How well one thing that is true was read."""
    title, rows = f"true {column.title} against what was read", []
    groups = [("all frames", pairs)]
    if column.near is not None:
        near = pairs[np.abs(pairs[:, 0]) <= column.near]
        groups.append((f"true {column.title} within {column.near:g} {column.unit}", near))
    for name, some in groups:
        if len(some):
            sign = sign_accuracy(some)
            error = f"{mean_error(some, column.period):.2f} {column.unit}"
            rows.append((name, len(some), error, "no side" if sign is None else f"{100 * sign:.1f} %"))
    head = ("", "frames", "mean absolute error", "side right")
    return [html.figure_image(plot_values(labels, column), title), html.table(head, rows)]


def sample_grid(folder: Path, task: Task) -> Markup:
    """A run's samples with the answers drawn on and verbatim below."""
    pictures = []
    for sample in read_rows(folder / "samples" / "samples.jsonl"):
        path = folder / "samples_marked" / sample["file"]
        if path.is_file():
            pictures.append(html.file_image(path, sample["file"], _caption(sample, task)))
    return html.grid(pictures)


def _caption(sample: dict[str, Any], task: Task) -> str:
    """The model's own words about a sample, the reward that they became, and the truth."""
    reward = "null" if sample["reward"] is None else f"{sample['reward']:.3f}"
    lines = [
        f'"{sample["text"] or ""}" → reward {reward} ({sample["status"]})',
        *(true_text(column, sample[f"true_{column.name}"]) for column in task.columns[:1]),
        *([sample["message"]] if sample["message"] else []),
    ]
    return "\n".join(lines)


def _film(folder: Path) -> list[Markup]:
    path = folder / "video.gif"
    return [html.file_image(path, "the final policy", "video.mp4 has all frames")] if path.is_file() else []
