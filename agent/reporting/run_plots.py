"""Draws a run's pictures. Reads what was recorded; computes no result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from agent.environments import SOLVED_RETURN, UPRIGHT_DEG

MEAN_OVER_EPISODES = 10
MAX_POINTS = 4000


def plot_learning_curve(rows: Sequence[dict[str, Any]], summary: dict[str, Any]) -> Figure:
    """True return of the training episodes and of greedy evaluations, and the server's return.

    Args:
        rows: the records of ``metrics.jsonl``.
        summary: what ``summary.json`` holds; the final evaluation is marked where there is one.
    """
    figure = Figure(figsize=(8, 4.5), dpi=120)
    axes = figure.subplots()
    episodes = [row for row in rows if "charts/episodic_return" in row]
    scored = "charts/vlm_return" in (episodes[0] if episodes else {})
    second = ("charts/vlm_return", "VLM return") if scored else ("charts/learned_return", "learned return")
    steps = np.array([row["step"] for row in episodes])
    for key, label, colour in (
        ("charts/episodic_return", "true return (environment's own reward)", "tab:blue"),
        (*second, "tab:orange"),
    ):
        values = np.array([row[key] for row in episodes])
        axes.plot(steps, values, ".", color=colour, alpha=0.25, markersize=4)
        axes.plot(steps, _running_mean(values), color=colour, label=label)
    short = [(row["step"], row["eval/mean_return"]) for row in rows if "eval/mean_return" in row]
    if short:
        axes.plot(*zip(*short, strict=True), "o-", color="tab:green", ms=4, lw=1, label="greedy evaluation")
    axes.axhline(SOLVED_RETURN, color="grey", linestyle=":", label=f"solved: {SOLVED_RETURN:g}")
    if summary.get("mean_return") is not None:
        axes.plot(
            [summary["env_steps"]],
            [summary["mean_return"]],
            marker="*",
            markersize=14,
            color="tab:green",
            linestyle="none",
            clip_on=False,
            label=f"final: {summary['mean_return']:.1f} over {summary['eval_episodes']} episodes",
        )
    axes.set_xlabel("environment steps")
    axes.set_ylabel(f"return of an episode (line: mean of {MEAN_OVER_EPISODES})")
    axes.set_ylim(0, 520)
    source = f", {summary['model']}" if summary.get("model") else ""
    axes.set_title(f"{summary['arm']}{source}, seed {summary['seed']}")
    axes.legend(loc="lower right", fontsize="small")
    figure.tight_layout()
    return figure


def plot_evaluations(rows: Sequence[dict[str, Any]]) -> Figure | None:
    """Greedy evaluations over the time that training took; None where there were none."""
    short = [
        (row["charts/wall_clock_s"], row["eval/mean_return"]) for row in rows if "eval/mean_return" in row
    ]
    if not short:
        return None
    figure = Figure(figsize=(8, 3.2), dpi=120)
    axes = figure.subplots()
    axes.plot(*zip(*short, strict=True), "o-", color="tab:green", ms=4)
    axes.axhline(SOLVED_RETURN, color="grey", linestyle=":")
    axes.set_xlabel("wall-clock time of training (s), evaluations left out")
    axes.set_ylabel("true return, greedy")
    axes.set_ylim(0, 520)
    figure.tight_layout()
    return figure


def plot_angles(labels: Sequence[dict[str, Any]]) -> Figure | None:
    """True tilt against the tilt that was read, of the frames that a run scored.

    Args:
        labels: the records of ``labels.jsonl``.

    Returns:
        The figure; None where no tilts in degrees were read.
    """
    pairs = angle_pairs(labels)
    if not len(pairs):
        return None
    figure = Figure(figsize=(5, 5), dpi=120)
    axes = figure.subplots()
    true, read = pairs[:: 1 + len(pairs) // MAX_POINTS].T
    reach = 1.05 * max(float(np.abs(true).max()), float(np.abs(read).max()), 1.0)
    axes.plot([-reach, reach], [-reach, reach], color="grey", lw=1)
    axes.plot(true, read, ".", ms=3, alpha=0.3)
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-reach, reach)
    axes.set_aspect("equal")
    axes.set_xlabel("true tilt (degrees)")
    axes.set_ylabel("tilt that the VLM read (degrees)")
    error, sign = angle_error_deg(pairs), sign_accuracy(pairs)
    shown = "no tilt beyond 0.5°" if sign is None else f"sign right {100 * sign:.1f} %"
    axes.set_title(f"mean absolute error {error:.2f}°, {shown}")
    figure.tight_layout()
    return figure


def plot_returns(rows: Sequence[dict[str, Any]]) -> Figure | None:
    """VLM return against true return, an episode a point; None where no frames were scored."""
    points = [
        (row["charts/episodic_return"], row["charts/vlm_return"], row["step"])
        for row in rows
        if "charts/vlm_return" in row
    ]
    if not points:
        return None
    true, vlm, steps = zip(*points, strict=True)
    figure = Figure(figsize=(5.6, 4.5), dpi=120)
    axes = figure.subplots()
    dots = axes.scatter(true, vlm, c=steps, s=12, cmap="viridis")
    figure.colorbar(dots, label="environment steps")
    axes.set_xlabel("true return of an episode")
    axes.set_ylabel("VLM return of the same episode")
    figure.tight_layout()
    return figure


def angle_pairs(labels: Sequence[dict[str, Any]]) -> NDArray[np.float64]:
    """``(N, 2)`` true and read tilts in degrees, of the frames whose tilt was read."""
    pairs = [
        (row["true_angle_deg"], row["value"])
        for row in labels
        if row["unit"] == "deg" and row["value"] is not None
    ]
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)


def angle_error_deg(pairs: NDArray[np.float64]) -> float:
    """Mean absolute error of ``angle_pairs``, the short way round.

    >>> angle_error_deg(np.array([[179.0, -179.0]]))
    2.0
    """
    return float(np.abs((pairs[:, 0] - pairs[:, 1] + 180) % 360 - 180).mean())


def sign_accuracy(pairs: NDArray[np.float64]) -> float | None:
    """Share of read tilts with the right sign, of true tilts beyond 0.5 degrees; None without any.

    >>> sign_accuracy(np.array([[0.2, -3.0], [5.0, 4.0], [-5.0, 1.0]]))
    0.5
    """
    tilted = pairs[np.abs(pairs[:, 0]) > 0.5]
    return float((np.sign(tilted[:, 0]) == np.sign(tilted[:, 1])).mean()) if len(tilted) else None


def near_upright(pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The pairs whose true tilt is within 12 degrees."""
    return pairs[np.abs(pairs[:, 0]) <= UPRIGHT_DEG]


def _running_mean(values: NDArray[np.float64]) -> list[float]:
    return [float(values[max(0, i + 1 - MEAN_OVER_EPISODES) : i + 1].mean()) for i in range(len(values))]
