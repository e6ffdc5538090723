"""Draws what a run's labels show: rewards and readings against the truth, and over training.

Not for learning (``run_plots.py``). Reads what was recorded; computes no result.
"""

from __future__ import annotations

import itertools

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from agent.reporting.measures import (
    SIDE_FROM,
    Labels,
    agreement_of,
    best_constant,
    error,
    top_answer,
    wanted,
)
from agent.reporting.wording import hundredths, side_share
from reward_audit.measures.values import mean_absolute_error, side_accuracy
from reward_report.figures import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, legend_below, look, new_figure
from reward_tasks.task import Column, Task

MAX_POINTS = 4000
PARTS = 10
"""Of a run, each with a measure of its own: enough to see a change, and hundreds of frames in each."""


@look
def plot_values(labels: Labels, column: Column) -> Figure | None:
    """What is true against what was read, of the frames that a run scored.

    Args:
        labels: of one run or of several.
        column: of the task's truth.

    Returns:
        The figure; None where no values in the column's unit were read.
    """
    read, true = labels.readings(column), labels.truth[column.name]
    mean, side = mean_absolute_error(read, true, column.period), side_accuracy(read, true, SIDE_FROM)
    if mean is None:
        return None
    figure = new_figure()
    axes = figure.subplots()
    there = np.flatnonzero(~np.isnan(read))
    few = there[:: 1 + len(there) // MAX_POINTS]
    true, read = true[few], read[few]
    reach = 1.05 * max(float(np.abs(true).max()), float(np.abs(read).max()), 1.0)
    axes.plot([-reach, reach], [-reach, reach], color=GREY, lw=1, label="read rightly")
    axes.plot(true, read, ".", ms=3, alpha=0.3, color=BLUE)
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-reach, reach)
    axes.set_xlabel(f"true {column.title} ({column.unit})")
    axes.set_ylabel(f"{column.title} as read ({column.unit})")
    axes.set_title(f"mean error {mean:.2f} {column.unit}, side right: {side_share(side)}")
    axes.legend(loc="upper left")
    return figure


@look
def plot_rewards(labels: Labels, task: Task) -> Figure | None:
    """The reward against what is true, with the task's perfect reward and the frames that have none.

    Args:
        labels: of one run or of several.
        task: knows the truth.

    Returns:
        The figure; None where nothing was scored.
    """
    if not labels.scored.any():
        return None
    few = slice(None, None, 1 + len(labels.steps) // MAX_POINTS)
    column, scored, rewards = task.columns[0], labels.scored[few], labels.rewards[few]
    true = labels.truth[column.name][few]
    figure = new_figure()
    axes = figure.subplots()
    perfect = task.oracle_of_truth(labels.truth)
    if perfect is not None:
        axes.plot(true, perfect[few], ".", ms=2, color=GREEN, label="perfect reward")
    axes.plot(true[scored], rewards[scored], ".", ms=4, alpha=0.35, color=BLUE, label="reward")
    if not scored.all():
        low, high = axes.get_ylim()
        axes.set_ylim(low - 0.08 * (high - low), high)
        at = np.full(int((~scored).sum()), low - 0.04 * (high - low))
        axes.plot(true[~scored], at, "|", ms=7, alpha=0.4, color=RED, label="no reward")
    axes.set_xlabel(f"true {column.title}" + (f" ({column.unit})" if column.unit else ""))
    axes.set_ylabel("the server's reward")
    agreement = agreement_of(labels.rewards, wanted(task, labels.truth)[0]).tau_b
    axes.set_title(
        "τ_b not defined" if agreement is None else f"Kendall's τ_b {hundredths(agreement)}",
    )
    legend_below(figure, 3, marker_scale=3)
    return figure


@look
def plot_over_training(labels: Labels, task: Task) -> Figure | None:
    """Errors, agreement, sameness and missing rewards in each tenth of a run.

    Args:
        labels: of one run; of several runs those of the same steps count together.
        task: knows the truth.

    Returns:
        The figure; None where nothing was scored.
    """
    if not labels.scored.any():
        return None
    middles, tenths = _tenths(labels)
    errors, name, blind = _errors(labels, task)
    figure = new_figure(5.2)
    if errors is None:
        below = figure.subplots()
    else:
        above, below = figure.subplots(2, sharex=True)
        above.plot(middles, [_mean(errors[tenth]) for tenth in tenths], "o-", ms=4, color=PURPLE, label=name)
        best = [_mean(blind[tenth]) for tenth in tenths]
        above.plot(middles, best, ":", color=GREY, label="best constant")
        above.set_ylim(bottom=0)
        above.set_ylabel("mean error")
    truth, _ = wanted(task, labels.truth)
    agreement = [agreement_of(labels.rewards[tenth], truth[tenth]).tau_b for tenth in tenths]
    shown = [np.nan if one is None else one for one in agreement]
    below.plot(middles, shown, "o-", ms=4, color=BLUE, label="τ_b of reward and truth")
    same = [_top_share(labels, tenth) for tenth in tenths]
    below.plot(middles, same, "s--", ms=4, color=ORANGE, label="most frequent answer")
    nulls = [_mean((~labels.scored[tenth]).astype(np.float64)) for tenth in tenths]
    below.plot(middles, nulls, "^-.", ms=4, color=RED, label="without a reward")
    below.set_ylim(min(-0.05, *(one - 0.05 for one in agreement if one is not None), 0.0), 1.05)
    below.set_ylabel("τ_b, or share of frames")
    below.set_xlabel("environment steps")
    legend_below(figure, 2)
    return figure


def _tenths(labels: Labels) -> tuple[list[float], list[NDArray[np.bool_]]]:
    """The middle step of each part of a run in which there are frames, and which frames those are."""
    ends = np.linspace(labels.steps.min() - 1, labels.steps.max(), PARTS + 1)
    masks = [(labels.steps > low) & (labels.steps <= high) for low, high in itertools.pairwise(ends)]
    middles = (ends[1:] + ends[:-1]) / 2
    return (
        [float(middle) for middle, mask in zip(middles, masks, strict=True) if mask.any()],
        [mask for mask in masks if mask.any()],
    )


def _errors(labels: Labels, task: Task) -> tuple[NDArray[np.float64] | None, str, NDArray[np.float64]]:
    """For each frame how far off its reading is, else its reward, and how far the best constant is.

    Returns:
        ``(N,)``, NaN where there is none, its name, and ``(N,)``; None where there is nothing to compare.
    """
    for column in task.columns:
        read, true = labels.readings(column), labels.truth[column.name]
        if not np.isnan(read).all():
            constant = best_constant(true[~np.isnan(read)], column.period)
            return (
                np.abs(error(true, read, column.period)),
                f"{column.title} as read ({column.unit})",
                np.abs(error(true, constant, column.period)),
            )
    perfect = task.oracle_of_truth(labels.truth)
    if perfect is None or np.isnan(perfect).all():
        return None, "", labels.rewards
    return (
        np.abs(labels.rewards - perfect),
        "reward from perfect reward",
        np.abs(perfect - np.nanmedian(perfect)),
    )


def _top_share(labels: Labels, here: NDArray[np.bool_]) -> float:
    top = top_answer(itertools.compress(labels.answers, here))
    return np.nan if top is None else top[1]


def _mean(values: NDArray[np.float64]) -> float:
    return float(np.nanmean(values)) if (~np.isnan(values)).any() else np.nan
