"""Writes the pictures and ``report.html`` of one run from the files in its folder.

Not for several runs (``experiment/report.py``).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from agent.recording.run_folder import (
    ANGLE_SCATTER,
    CONFIG,
    LABELS,
    LEARNING_CURVE,
    METRICS,
    REPORT,
    SUMMARY,
    read_rows,
)
from agent.reporting.run_plots import (
    angle_error_deg,
    angle_pairs,
    near_upright,
    plot_angles,
    plot_evaluations,
    plot_learning_curve,
    plot_returns,
    sign_accuracy,
)
from reward_report import html


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
    plot_learning_curve(metrics, summary).savefig(folder / LEARNING_CURVE)
    angles = plot_angles(labels)
    if angles is not None:
        angles.savefig(folder / ANGLE_SCATTER)
    parts = [
        html.paragraph(headline(summary), lead=True),
        html.section(
            "Learning",
            html.file_image(folder / LEARNING_CURVE, "returns over environment steps"),
            html.figure_image(plot_evaluations(metrics), "greedy evaluations over wall-clock time"),
        ),
        html.section("Reward against the truth", *truth(metrics, labels)),
        html.section("Frames and verbatim answers", sample_grid(folder)),
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
        f"{summary['env']} after {summary['env_steps']} steps that learned from {learned}.{failed}"
    )


def source_of(summary: dict[str, Any]) -> str:
    """Where a run's rewards came from.

    >>> source_of({"arm": "shuffled", "model": "llava"})
    'the arm shuffled of llava'
    """
    if summary["arm"] == "vlm":
        return f"the rewards of {summary['model']}"
    return f"the arm {summary['arm']}" + (f" of {summary['model']}" if summary["model"] else "")


def truth(metrics: Sequence[dict[str, Any]], labels: Sequence[dict[str, Any]]) -> list[Markup]:
    """What the VLM read, beside the truth: of one run or of several.

    Args:
        metrics: the records of ``metrics.jsonl``.
        labels: the records of ``labels.jsonl``.
    """
    if not labels:
        return []
    parts = [html.figure_image(plot_returns(metrics), "VLM return against true return")]
    pairs = angle_pairs(labels)
    if len(pairs):
        parts.append(html.figure_image(plot_angles(labels), "true tilt against the tilt that was read"))
        rows = []
        for name, some in (("all frames", pairs), ("true tilt within 12°", near_upright(pairs))):
            if len(some):
                sign = sign_accuracy(some)
                shown = "none tilted" if sign is None else f"{100 * sign:.1f} %"
                rows.append((name, len(some), f"{angle_error_deg(some):.2f}°", shown))
        parts.append(html.table(("", "frames", "mean absolute error", "sign right"), rows))
    statuses = Counter(row["status"] for row in labels)
    parts.append(html.table(("status", "frames"), sorted(statuses.items())))
    return parts


def sample_grid(folder: Path) -> Markup:
    """A run's samples with the answers drawn on and verbatim below."""
    pictures = []
    for sample in read_rows(folder / "samples" / "samples.jsonl"):
        path = folder / "samples_marked" / sample["file"]
        if path.is_file():
            pictures.append(html.file_image(path, sample["file"], _caption(sample)))
    return html.grid(pictures)


def _caption(sample: dict[str, Any]) -> str:
    """The model's own words about a sample, the reward that they became, and the truth."""
    reward = "null" if sample["reward"] is None else f"{sample['reward']:.3f}"
    lines = [
        f'"{sample["text"] or ""}" → reward {reward} ({sample["status"]})',
        f"true tilt {sample['true_angle_deg']:+.2f}°",
        *([sample["message"]] if sample["message"] else []),
    ]
    return "\n".join(lines)


def _film(folder: Path) -> list[Markup]:
    path = folder / "video.gif"
    return [html.file_image(path, "the final policy", "video.mp4 has all frames")] if path.is_file() else []
