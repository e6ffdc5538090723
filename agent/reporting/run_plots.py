"""Draws what a run learned: returns over steps and time. Reads what was recorded; computes no result.

Not for the model's answers (``label_plots.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reward_report.figures import BLUE, GREEN, GREY, LEAST_TO_MOST, ORANGE, legend_below, look, new_figure
from reward_tasks.task import Task

MEAN_OVER_EPISODES = 10


@look
def plot_learning_curve(rows: Sequence[dict[str, Any]], summary: dict[str, Any], task: Task) -> Figure:
    """True return of the training episodes and of greedy evaluations, and the server's return.

    Args:
        rows: the records of ``metrics.jsonl``.
        summary: what ``summary.json`` holds; the final evaluation is marked where there is one.
        task: what was learned.
    """
    figure = new_figure(4.2)
    axes = figure.subplots()
    episodes = [row for row in rows if "charts/episodic_return" in row]
    scored = "charts/vlm_return" in (episodes[0] if episodes else {})
    second = ("charts/vlm_return", "VLM return") if scored else ("charts/learned_return", "learned return")
    steps = np.array([row["step"] for row in episodes])
    for key, label, colour in (
        ("charts/episodic_return", "true return", BLUE),
        (*second, ORANGE),
    ):
        values = np.array([row[key] for row in episodes])
        axes.plot(steps, values, ".", color=colour, alpha=0.3, markersize=4)
        axes.plot(steps, _running_mean(values), color=colour, label=label)
    short = [(row["step"], row["eval/mean_return"]) for row in rows if "eval/mean_return" in row]
    if short:
        axes.plot(*zip(*short, strict=True), "o-", color=GREEN, ms=4, lw=1, label="greedy evaluation")
    axes.axhline(task.solved_return, color=GREY, linestyle=":", label=f"solved: {task.solved_return:g}")
    if summary.get("mean_return") is not None:
        axes.plot(
            [summary["env_steps"]],
            [summary["mean_return"]],
            marker="*",
            markersize=14,
            color=GREEN,
            linestyle="none",
            clip_on=False,
            label=f"final: {summary['mean_return']:.1f}",
        )
    axes.set_xlabel("environment steps")
    axes.set_ylabel(f"return (line: mean of {MEAN_OVER_EPISODES})")
    axes.set_ylim(*shown_returns(task))
    source = f", {summary['model']}" if summary.get("model") else ""
    axes.set_title(f"{summary['arm']}{source}, seed {summary['seed']}")
    legend_below(figure, 3)
    return figure


@look
def plot_evaluations(rows: Sequence[dict[str, Any]], task: Task) -> Figure | None:
    """Greedy evaluations of a task over the time that training took; None where there were none."""
    short = [
        (row["charts/wall_clock_s"], row["eval/mean_return"]) for row in rows if "eval/mean_return" in row
    ]
    if not short:
        return None
    figure = new_figure(4.2)
    axes = figure.subplots()
    axes.plot(*zip(*short, strict=True), "o-", color=GREEN, ms=4)
    axes.axhline(task.solved_return, color=GREY, linestyle=":")
    axes.set_xlabel("time of training without evaluations (s)")
    axes.set_ylabel("true return, greedy")
    axes.set_title("greedy evaluations over time")
    axes.set_ylim(*shown_returns(task))
    return figure


@look
def plot_returns(rows: Sequence[Mapping[str, Any]]) -> Figure | None:
    """VLM return against true return, an episode a point; None where no frames were scored."""
    points = [
        (row["charts/episodic_return"], row["charts/vlm_return"], row["step"])
        for row in rows
        if "charts/vlm_return" in row
    ]
    if not points:
        return None
    true, vlm, steps = zip(*points, strict=True)
    figure = new_figure()
    axes = figure.subplots()
    dots = axes.scatter(true, vlm, c=steps, s=12, cmap=LEAST_TO_MOST)
    figure.colorbar(dots, label="environment steps")
    axes.set_xlabel("true return of an episode")
    axes.set_ylabel("VLM return of the same one")
    axes.set_title("VLM return against true return")
    return figure


def shown_returns(task: Task) -> tuple[float, float]:
    """The axis of a task's returns: all that there can be, and a little more.

    >>> from reward_tasks.cartpole import CartPole
    >>> shown_returns(CartPole())
    (0.0, 520.0)
    """
    low, high = task.return_bounds
    margin = 0.04 * (high - low)
    return (low - margin if low else 0.0), high + margin


def _running_mean(values: NDArray[np.float64]) -> list[float]:
    return [float(values[max(0, i + 1 - MEAN_OVER_EPISODES) : i + 1].mean()) for i in range(len(values))]
