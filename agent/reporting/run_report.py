"""Writes the pictures and ``report.html`` of one run from the files in its folder.

Not for several runs (``experiment/report.py``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from markupsafe import Markup

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
from agent.recording.samples import Chosen
from agent.reporting.findings import findings, sentences
from agent.reporting.label_plots import plot_over_training, plot_rewards, plot_values
from agent.reporting.label_tables import answer_bars, error_table, null_table, status_table
from agent.reporting.measures import Labels, labels_of
from agent.reporting.run_plots import plot_evaluations, plot_learning_curve, plot_returns
from agent.reporting.watch_tables import nulls_table, window_table
from reward_report import html
from reward_tasks.task import Task

SAMPLES = {
    Chosen.STRATIFIED: "From all over the truth",
    Chosen.FIRST: "The first frames",
    Chosen.FAILED: "Frames without a reward",
}
"""Why a frame was kept (``samples.jsonl``), and what its group is called."""


def write_report(folder: Path) -> Path:
    """Writes the report of a run, and the pictures that it shows as files of their own.

    Args:
        folder: the run's, with its summary.

    Returns:
        The file.
    """
    summary = json.loads((folder / SUMMARY).read_text())
    config = json.loads((folder / CONFIG).read_text())
    metrics, rows = read_rows(folder / METRICS), read_rows(folder / LABELS)
    task = task_of(config["options"])
    labels = labels_of(rows, task)
    plot_learning_curve(metrics, summary, task).savefig(folder / LEARNING_CURVE)
    values = next((figure for column in task.columns if (figure := plot_values(labels, column))), None)
    if values is not None:
        values.savefig(folder / VALUE_SCATTER)
    found = _with_findings(summary, rows, config, task)
    parts = [
        html.result(_tone(summary), headline(summary), sentences(found), found["warnings"]),
        html.section(
            "Learning",
            html.file_image(folder / LEARNING_CURVE, "returns over environment steps"),
            html.figure_image(plot_evaluations(metrics, task), "greedy evaluations over wall-clock time"),
        ),
        html.section("Reward against the truth", *truth(metrics, labels, task)),
        html.section("The audit during training", *_watched(summary)),
        html.section("Frames and verbatim answers", sample_grid(folder, task)),
        html.section("The final policy", *_film(folder)),
        html.section(
            "Configuration",
            html.table(("", ""), [(key, _plain(value)) for key, value in found.items() if key != "watch"]),
            html.preformatted(json.dumps(config, indent=2)),
        ),
    ]
    path = folder / REPORT
    path.write_text(html.page(f"Run {folder.name}", parts), encoding="utf-8")
    return path


def _with_findings(
    summary: dict[str, Any], rows: Sequence[dict[str, Any]], config: dict[str, Any], task: Task
) -> dict[str, Any]:
    """A summary with its findings: those that it holds, or those of an older run's labels."""
    if "labelled_frames" in summary:
        return summary
    question = (config.get("rubric") or {}).get("prompt") or summary["prompt"]
    return {**summary, **findings(rows, config, task, question)}


def _watched(summary: dict[str, Any]) -> list[Markup]:
    """What was measured window by window, and what nulls were answered; nothing where neither was done."""
    watch = summary.get("watch") or {"windows": [], "nulls": {}}
    windows = [html.table(*window_table(watch))] if watch["windows"] else []
    nulls = (
        [html.heading("Frames that show nothing"), html.table(*nulls_table(watch))] if watch["nulls"] else []
    )
    return [*windows, *nulls]


def _tone(summary: dict[str, Any]) -> Literal["good", "bad", "broken"]:
    if summary["error"]:
        return "broken"
    return "good" if summary["solved"] else "bad"


def _plain(value: object) -> object:
    """A value of a summary in a cell of a table."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def headline(summary: dict[str, Any]) -> str:
    """The result, in a sentence."""
    if summary["error"]:
        return f"The run broke off after {summary['env_steps']} steps: {summary['error']}"
    learned = source_of(summary)
    return (
        f"{'Solved' if summary['solved'] else 'Not solved'}: mean true return {summary['mean_return']:.1f}, "
        f"lowest {summary['min_return']:.0f}, over {summary['eval_episodes']} greedy episodes of "
        f"{summary['task']} after {summary['env_steps']} steps that learned from {learned}."
    )


def source_of(summary: dict[str, Any]) -> str:
    """Where a run's rewards came from.

    >>> source_of({"arm": "shuffled", "model": "llava"})
    'the arm shuffled of llava'
    """
    if summary["arm"] == "vlm":
        return f"the rewards of {summary['model']}"
    return f"the arm {summary['arm']}" + (f" of {summary['model']}" if summary["model"] else "")


def truth(metrics: Sequence[dict[str, Any]], labels: Labels, task: Task) -> list[Markup]:
    """What the VLM answered, beside the truth: of one run or of several.

    Args:
        metrics: the records of ``metrics.jsonl``.
        labels: none where no model was asked.
        task: what was learned.
    """
    if not len(labels.steps):
        return []
    title = f"reward against true {task.columns[0].title}"
    pictures = [
        html.figure_image(plot_rewards(labels, task), title),
        *(
            html.figure_image(figure, f"true {column.title} against what was read")
            for column in task.columns
            if (figure := plot_values(labels, column)) is not None
        ),
        html.figure_image(plot_returns(metrics), "VLM return against true return"),
    ]
    return [
        html.side_by_side([picture for picture in pictures if picture]),
        html.heading("How well the frames were read"),
        html.table(*error_table(labels, task)),
        html.heading("Answers"),
        html.bars(answer_bars(labels)),
        html.heading("Over training"),
        html.figure_image(plot_over_training(labels, task), "errors, agreement and nulls over training"),
        *_missing(labels, task),
    ]


def _missing(labels: Labels, task: Task) -> list[Markup]:
    """Why frames have no reward, and what is true of those; nothing where all have one."""
    if labels.scored.all():
        return []
    return [
        html.heading("Frames without a reward"),
        html.table(*status_table(labels)),
        html.table(*null_table(labels, task)),
    ]


def sample_grid(folder: Path, task: Task) -> Markup:
    """A run's samples with the answers drawn on and verbatim below, apart by why they were kept."""
    groups: dict[Chosen, list[dict[str, Any]]] = {}
    for sample in read_rows(folder / "samples" / "samples.jsonl"):
        if (folder / "samples_marked" / sample["file"]).is_file():
            groups.setdefault(_chosen(sample), []).append(sample)
    first = f"true_{task.columns[0].name}"
    groups.get(Chosen.STRATIFIED, []).sort(key=lambda sample: float(sample[first]))
    parts = []
    for chosen, title in SAMPLES.items():
        pictures = [
            html.file_image(
                folder / "samples_marked" / sample["file"], sample["file"], _caption(sample, task)
            )
            for sample in groups.get(chosen, [])
        ]
        if pictures:
            parts += [html.heading(title), html.grid(pictures)]
    return Markup("\n").join(parts)


def _chosen(sample: dict[str, Any]) -> Chosen:
    """Why a sample was kept; samples of older runs do not say."""
    return Chosen(sample.get("chosen", Chosen.FAILED if sample["reward"] is None else Chosen.FIRST))


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
