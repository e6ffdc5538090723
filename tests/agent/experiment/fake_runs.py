"""Folders of finished runs, as ``Trainer`` leaves them, with curves that a test chooses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.config import Arm, TrainConfig, options
from agent.experiment.plan import ExperimentConfig


def plan(
    runs: Path, seeds: int = 5, without_server: int = 6, arms: tuple[Arm, ...] = ExperimentConfig.arms
) -> list[TrainConfig]:
    """The runs of an experiment ``e`` on CartPole."""
    return ExperimentConfig(
        arms=arms,
        tasks=("CartPole-v1",),
        seeds=seeds,
        seeds_without_server=without_server,
        train=TrainConfig(name="e", runs=runs),
    ).plan()


def write_run(config: TrainConfig, curve: Sequence[float], final: float, eval_every: int = 1000) -> None:
    """One finished run.

    Args:
        config: its options.
        curve: its greedy evaluations.
        final: the mean return of its final policy.
        eval_every: steps between two evaluations.
    """
    folder, bar = config.folder, config.find_task().solved_return
    folder.mkdir(parents=True)
    steps = [eval_every * (row + 1) for row in range(len(curve))]
    reached = [step for step, value in zip(steps, curve, strict=True) if value >= bar]
    summary = {
        "mean_return": final,
        "returns": [final] * 4,
        "first_solved": {"env_steps": reached[0], "wall_clock_s": reached[0] / 100} if reached else None,
        "reward_id": "abc" if config.arm.scores_frames else None,
        "frames_failed": 0,
        "arm": config.arm.value,
        "error": None,
    }
    rows = [
        {"step": step, "eval/mean_return": value, "charts/wall_clock_s": step / 100}
        for step, value in zip(steps, curve, strict=True)
    ]
    (folder / "config.json").write_text(json.dumps({"version": "0", "options": options(config)}))
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_runs(plan: Sequence[TrainConfig], levels: Mapping[Arm, float], spread: float = 5.0) -> None:
    """Every run of a plan: half of its level, then its level, a little more for each seed."""
    for config in plan:
        level = levels[config.arm] + spread * ((config.seed * 7) % 5 - 2)
        write_run(config, [level / 2, level], level)
