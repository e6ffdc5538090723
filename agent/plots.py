"""Draws a run's learning curve. Reads what was recorded; computes no result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from agent.evaluate import SOLVED_RETURN

MEAN_OVER_EPISODES = 10


def plot_learning_curve(episodes: Sequence[dict[str, float]], summary: dict[str, Any], path: Path) -> None:
    """Draws true and VLM return of every training episode over environment steps.

    Args:
        episodes: one record an episode, as ``Recorder.episode`` makes them.
        summary: what ``summary.json`` holds; the final evaluation is marked where there is one.
        path: PNG to write.
    """
    figure, axes = plt.subplots(figsize=(8, 4.5), dpi=120)
    steps = np.array([e["step"] for e in episodes])
    for key, label, colour in (
        ("charts/episodic_return", "true return (environment's own reward, not learned from)", "tab:blue"),
        ("charts/vlm_return", "VLM return (what the agent learns from)", "tab:orange"),
    ):
        values = np.array([e[key] for e in episodes])
        axes.plot(steps, values, ".", color=colour, alpha=0.25, markersize=4)
        axes.plot(steps, _running_mean(values), color=colour, label=label)
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
            label=f"greedy evaluation: {summary['mean_return']:.1f} over {summary['eval_episodes']} episodes",
        )
    axes.set_xlabel("environment steps")
    axes.set_ylabel(f"return of an episode (line: mean of {MEAN_OVER_EPISODES})")
    axes.set_ylim(0, 520)
    axes.set_title(f"{summary['arm']}, {summary['model']}, seed {summary['seed']}")
    axes.legend(loc="lower right", fontsize="small")
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def _running_mean(values: np.ndarray[Any, np.dtype[np.float64]]) -> list[float]:
    return [float(values[max(0, i + 1 - MEAN_OVER_EPISODES) : i + 1].mean()) for i in range(len(values))]
