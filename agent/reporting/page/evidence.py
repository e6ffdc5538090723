"""The model's answers on the page of a run: beside the truth, and on the frames themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from agent.recording.marked_frame import true_text
from agent.recording.run_folder import read_rows
from agent.recording.samples import Chosen
from agent.reporting.label_plots import plot_over_training, plot_rewards, plot_values
from agent.reporting.label_tables import answer_bars, error_table, null_table, status_table
from agent.reporting.measures import Labels
from agent.reporting.run_plots import plot_returns
from agent.reporting.watch_tables import nulls_table, window_table
from reward_report import html
from reward_tasks.task import Task

SAMPLES = {
    Chosen.STRATIFIED: "From all over the truth",
    Chosen.FIRST: "The first frames",
    Chosen.FAILED: "Frames without a reward",
}
"""Why a frame was kept (``samples.jsonl``), and what its group is called."""


def truth(metrics: Sequence[Mapping[str, Any]], labels: Labels, task: Task) -> list[Markup]:
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
        html.figure_image(plot_over_training(labels, task), "errors, agreement and nulls over training"),
    ]
    return [
        html.side_by_side(pictures),
        html.heading("How well the frames were read"),
        html.table(*error_table(labels, task)),
        html.heading("Answers"),
        html.bars(answer_bars(labels)),
        *_missing(labels, task),
    ]


def watched(summary: Mapping[str, Any]) -> list[Markup]:
    """What the audit during training measured, and what nulls were answered; nothing where it did neither."""
    watch = summary.get("watch") or {"windows": [], "nulls": {}}
    windows = [html.table(*window_table(watch))] if watch["windows"] else []
    nulls = (
        [html.heading("Frames that show nothing"), html.table(*nulls_table(watch))] if watch["nulls"] else []
    )
    return [*windows, *nulls]


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


def _missing(labels: Labels, task: Task) -> list[Markup]:
    """Why frames have no reward, and what is true of those; nothing where all have one."""
    if labels.scored.all():
        return []
    return [
        html.heading("Frames without a reward"),
        html.table(*status_table(labels)),
        html.table(*null_table(labels, task)),
    ]


def _chosen(sample: Mapping[str, Any]) -> Chosen:
    """Why a sample was kept; samples of older runs do not say."""
    return Chosen(sample.get("chosen", Chosen.FAILED if sample["reward"] is None else Chosen.FIRST))


def _caption(sample: Mapping[str, Any], task: Task) -> str:
    """The model's own words about a sample, the reward that they became, and the truth."""
    reward = "null" if sample["reward"] is None else f"{sample['reward']:.3f}"
    lines = [
        f'"{sample["text"] or ""}" → reward {reward} ({sample["status"]})',
        *(true_text(column, sample[f"true_{column.name}"]) for column in task.columns[:1]),
        *([sample["message"]] if sample["message"] else []),
    ]
    return "\n".join(lines)
