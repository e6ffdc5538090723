"""What the page of a run says first: the result, what it means, and its figures. Computes no result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from markupsafe import Markup

from agent.reporting.findings import sentences
from agent.reporting.page.cost import cost_tiles
from agent.reporting.run_plots import MEAN_OVER_EPISODES
from agent.reporting.wording import hundredths, percent
from reward_report import html
from reward_tasks.task import Task

Rows = Sequence[Mapping[str, Any]]


def answer(summary: Mapping[str, Any], metrics: Rows, task: Task) -> list[Markup]:
    """The block of the result, and its figures.

    Args:
        summary: what ``summary.json`` holds, with its findings.
        metrics: the records of ``metrics.jsonl``.
        task: what was learned.
    """
    return [
        html.result(tone(summary), headline(summary), sentences(summary), summary["warnings"]),
        html.tiles(_tiles(summary, metrics, task)),
    ]


def tone(summary: Mapping[str, Any]) -> html.Tone:
    """The colour of a run."""
    if summary["error"]:
        return "broken"
    if summary.get("under_way"):
        return "open"
    return "good" if summary["solved"] else "bad"


def headline(summary: Mapping[str, Any]) -> str:
    """The result, in a sentence."""
    if summary["error"]:
        return f"The run broke off after {summary['env_steps']} steps: {summary['error']}"
    if written := summary.get("under_way"):
        return (
            f"Running: step {summary['env_steps']} of {summary['planned_steps']} on {summary['task']}, "
            f"learning from {source_of(summary)}. This page was written at {written}."
        )
    learned = source_of(summary)
    return (
        f"{'Solved' if summary['solved'] else 'Not solved'}: mean true return {summary['mean_return']:.1f}, "
        f"lowest {summary['min_return']:.0f}, over {summary['eval_episodes']} greedy episodes of "
        f"{summary['task']} after {summary['env_steps']} steps that learned from {learned}."
    )


def source_of(summary: Mapping[str, Any]) -> str:
    """Where a run's rewards came from.

    >>> source_of({"arm": "shuffled", "model": "llava"})
    'the arm shuffled of llava'
    """
    if summary["arm"] == "vlm":
        return f"the rewards of {summary['model']}"
    return f"the arm {summary['arm']}" + (f" of {summary['model']}" if summary["model"] else "")


def _tiles(summary: Mapping[str, Any], metrics: Rows, task: Task) -> list[tuple[str, str]]:
    """The figures, those of the result first. What is not known has none."""
    tiles = []
    if summary["mean_return"] is not None:
        tiles += [
            (f"mean true return; solved from {task.solved_return:g}", f"{summary['mean_return']:.1f}"),
            (f"lowest of {summary['eval_episodes']} greedy episodes", f"{summary['min_return']:.0f}"),
        ]
    for key, name in (("charts/episodic_return", "true return"), ("charts/vlm_return", "VLM return")):
        if values := [row[key] for row in metrics if key in row][-MEAN_OVER_EPISODES:]:
            episodes = "episode" if len(values) == 1 else f"{len(values)} episodes"
            tiles.append((f"{name} in training, last {episodes}", f"{fmean(values):.1f}"))
    tiles.append(("environment steps", f"{summary['env_steps']:,}"))
    if (seconds := summary.get("train_wall_clock_s")) is not None:
        tiles.append(("time of training", f"{seconds:.0f} s"))
    if not summary["labelled_frames"]:
        return tiles
    tiles.append(("labels: frames that the model was asked about", f"{summary['labelled_frames']:,}"))
    for key, name in (
        ("null_share", "of them without a reward"),
        ("top_answer_share", "of answers are the most frequent one"),
    ):
        if summary[key] is not None:
            tiles.append((name, percent(summary[key])))
    if summary["reward_truth_tau_b"] is not None:
        tiles.append(("Kendall's τ_b of reward and truth", hundredths(summary["reward_truth_tau_b"])))
    return tiles + cost_tiles(summary.get("usage"))
