"""Draws the pictures of an experiment: IQM over seeds with its interval. Computes no verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from agent.experiment.seed_statistics import iqm_interval
from agent.reporting.run_plots import shown_returns
from reward_report.figures import (
    BLUE,
    BROWN,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    legend_below,
    look,
    new_figure,
)
from reward_tasks.task import Task

COLOURS = {
    "vlm": ORANGE,
    "oracle": GREEN,
    "env": BLUE,
    "constant": GREY,
    "random": PURPLE,
    "shuffled": BROWN,
    "resampled": SKY,
}
LINES = {"constant": "--", "random": "-.", "resampled": ":"}
"""Of the controls, which are so told apart without colours too."""

GRID_POINTS = 60
BAND_RESAMPLES = 1000
"""For the interval at each of many points of a curve, which is looked at and not read off."""


@look
def plot_curves(arms: Mapping[str, Sequence[Sequence[dict[str, Any]]]], axis: str, task: Task) -> Figure:
    """Greedy true return during training, IQM of the seeds and its 95 % interval.

    Args:
        arms: for each arm the records of ``metrics.jsonl`` of its runs.
        axis: the key that is the horizontal axis: ``step`` or ``charts/wall_clock_s``.
        task: what was learned.
    """
    figure = new_figure(4.4)
    axes = figure.subplots()
    for arm, runs in arms.items():
        curves = [_curve(rows, axis) for rows in runs]
        curves = [curve for curve in curves if len(curve)]
        if not curves:
            continue
        grid = _grid(curves, axis)
        values = np.stack([_held(curve, grid) for curve in curves])
        intervals = [iqm_interval(column.tolist(), BAND_RESAMPLES) for column in values.T]
        points, line = [i.point for i in intervals], LINES.get(arm, "-")
        axes.plot(grid, points, label=arm, color=COLOURS.get(arm), linestyle=line)
        axes.fill_between(
            grid, [i.low for i in intervals], [i.high for i in intervals], color=COLOURS.get(arm), alpha=0.15
        )
    axes.axhline(task.solved_return, color=GREY, linestyle=":")
    axes.set_xlabel("environment steps" if axis == "step" else "time of training (s)")
    axes.set_ylabel("true return, greedy (IQM, 95 %)")
    axes.set_ylim(*shown_returns(task))
    legend_below(figure, 4)
    return figure


@look
def plot_scores(
    scores: Mapping[str, Sequence[float]],
    finals: Mapping[str, Sequence[float]],
    random_return: float,
    task: Task,
) -> Figure:
    """Score and final return side by side: every seed a point, the IQM with its interval below them.

    Args:
        scores: for each arm the scores of its seeds.
        finals: for each arm the final mean true returns of its seeds.
        random_return: of random actions.
        task: what was learned.
    """
    figure = new_figure(1.5 + 0.5 * len(finals))
    panels = figure.subplots(1, 2, sharey=True)
    titles = ("score: greedy, in training", "final return, greedy")
    for axes, values_of, title in zip(panels, (scores, finals), titles, strict=True):
        for row, arm in enumerate(finals):
            if values_of[arm]:
                _seeds(axes, row, values_of[arm], COLOURS.get(arm))
        axes.axvline(task.solved_return, color=GREY, linestyle=":")
        axes.axvline(random_return, color=GREY, linestyle="--", linewidth=0.8)
        axes.set_xlim(*shown_returns(task))
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set_title(title)
    panels[0].set_yticks(range(len(finals)), list(finals))
    panels[0].set_ylim(len(finals) - 0.4, -0.6)  # the first arm on top, as in the table
    figure.supxlabel(
        "true return (point: a seed; bar: IQM, 95 %;\ndashed: random actions; dotted: solved)",
        fontsize=10,
    )
    return figure


def _seeds(axes: Any, row: int, values: Sequence[float], colour: str | None) -> None:
    interval = iqm_interval(values)
    axes.plot(values, [row] * len(values), "o", alpha=0.5, ms=5, color=colour)
    axes.plot([interval.low, interval.high], [row + 0.28] * 2, color=colour, lw=3)
    axes.plot([interval.point], [row + 0.28], "|", color="black", ms=9)


def _curve(rows: Sequence[dict[str, Any]], axis: str) -> NDArray[np.float64]:
    points = [(row[axis], row["eval/mean_return"]) for row in rows if "eval/mean_return" in row]
    return np.array(points, dtype=np.float64).reshape(-1, 2)


def _grid(curves: Sequence[NDArray[np.float64]], axis: str) -> NDArray[np.float64]:
    """Steps are the same in all runs; times are not, and none is shown before every run has a value."""
    if axis == "step":
        return curves[0][:, 0]
    return np.linspace(max(c[0, 0] for c in curves), max(c[-1, 0] for c in curves), GRID_POINTS)


def _held(curve: NDArray[np.float64], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """The last value at each point of the grid."""
    rows = np.searchsorted(curve[:, 0], grid, side="right") - 1
    values: NDArray[np.float64] = curve[np.clip(rows, 0, None), 1]
    return values
