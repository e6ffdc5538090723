"""Measures the checkpoint through the reward server in bfloat16: ``python -m tiny_llava.accuracy``.

Fresh frames, whose seed training never used, are scored over HTTP by real vLLM. Writes the checkpoint's
``accuracy.json`` and its model card, and ends with an error where a bar is missed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from numpy.typing import NDArray
from tqdm import tqdm

from reward_client import RewardClient, RewardItem, Rubric
from reward_client.local_server import local_server
from reward_client.schema import ComparisonItem
from tiny_llava.card import write_card
from tiny_llava.measures import (
    FRESH_SEED,
    Fresh,
    frames_beyond_the_picture,
    fresh_frames,
    fresh_pairs,
    measure,
    measure_pairs,
)
from tiny_llava.questions import ANSWERS, FRAME_TASKS, HELD_OUT, HELD_OUT_GOALS, Task
from tiny_llava.train import CHECKPOINT

FRAMES_PER_REQUEST = 32
GOAL = "the pole is upright"

QUESTIONS: dict[Task, str] = {
    "angle": "What is the tilt angle of the pole in degrees? Negative is left, positive is right. "
    "Answer with a number only.",
    "upright": "Is the pole upright? Answer yes or no.",
    "lean": "Which way does the pole lean? Answer left, right or upright.",
    "rating": "How upright is the pole on a scale from 0 to 9? 9 is upright. Answer with a single digit.",
}
"""The wordings measured on all frames, those of the server's rubrics."""

_READOUTS: dict[Task, dict[str, Any]] = {
    "angle": {"type": "expectation", "labels": list(ANSWERS["angle"])},
    "upright": {"type": "yes_no"},
    "lean": {"type": "choice", "labels": list(ANSWERS["lean"])},
    "rating": {"type": "expectation", "labels": list(ANSWERS["rating"])},
}
_REWARDS: dict[Task, dict[str, Any]] = {
    "angle": {"type": "distance", "target": 0, "tolerance": 12},
    "upright": {"type": "probability"},
    "lean": {"type": "weights", "weights": {"Left": 0, "Right": 0, "Upright": 1}},
    "rating": {"type": "distance", "target": 9, "tolerance": 9},
}


@dataclass(frozen=True)
class Options:
    """Measures the checkpoint through real vLLM."""

    checkpoint: Path = CHECKPOINT
    """folder of the model; the report goes there too"""
    frames: int = 2_100
    """fresh frames: half uniform over +-12 degrees, half over +-90"""
    frames_beyond: int = 200
    """frames with the cart's centre off the picture, where CartPole has just ended; they have no bar"""
    held_out_frames: int = 150
    """frames for each held-out wording, of both halves"""
    pairs: int = 1_000
    """pairs of these frames whose tilts differ by at least 3 degrees in size"""
    held_out_pairs: int = 150
    """pairs for each held-out goal"""
    dtype: str = "bfloat16"
    """type of the engine's arithmetic"""


def rubric_for(task: Task, question: str, goal: str | None = None) -> Rubric:
    """A rubric that asks one wording of a task's question, or compares by a goal."""
    parts = {"prompt": question, "readout": _READOUTS[task], "reward": _REWARDS[task], "goal": goal}
    return Rubric.model_validate(parts)


def ask(
    client: RewardClient, frames: Sequence[NDArray[np.uint8]], task: Task, question: str
) -> list[RewardItem]:
    """Scores frames with one wording, some at a time."""
    rubric = rubric_for(task, question)
    items: list[RewardItem] = []
    for start in tqdm(range(0, len(frames), FRAMES_PER_REQUEST), desc=task, unit="request"):
        items += client.score(frames[start : start + FRAMES_PER_REQUEST], rubric).data
    return items


def compare(
    client: RewardClient, fresh: Fresh, pairs: NDArray[np.int64], goal: str
) -> tuple[list[ComparisonItem], list[str]]:
    """Compares pairs of frames by a goal.

    Returns:
        The answers, and which image of each pair is the more upright one.
    """
    rubric = rubric_for("upright", QUESTIONS["upright"], goal)
    items: list[ComparisonItem] = []
    for start in tqdm(range(0, len(pairs), FRAMES_PER_REQUEST), desc="compare", unit="request"):
        chosen = pairs[start : start + FRAMES_PER_REQUEST]
        items += client.compare([(fresh.frames[a], fresh.frames[b]) for a, b in chosen], rubric).data
    size = np.abs(fresh.true_deg)
    return items, ["first" if size[a] < size[b] else "second" for a, b in pairs]


def report(options: Options) -> dict[str, Any]:
    """Runs all measurements against a server that it starts.

    Returns:
        What ``accuracy.json`` holds.
    """
    fresh = fresh_frames(options.frames)
    few = np.linspace(0, len(fresh.frames) - 1, options.held_out_frames).astype(int)
    pairs = fresh_pairs(fresh.true_deg, options.pairs)
    few_pairs = pairs[np.linspace(0, len(pairs) - 1, options.held_out_pairs).astype(int)]
    arguments = ["--model", str(options.checkpoint), "--dtype", options.dtype, "--max-model-len", "512"]
    rows: dict[str, dict[str, float]] = {}
    held_out: dict[str, dict[str, float]] = {}
    log_file = Path("runs") / "accuracy" / "server.log"
    with local_server(arguments, log_file=log_file) as server, RewardClient(server.url) as client:
        info = client.info()
        for task in FRAME_TASKS:
            items = ask(client, fresh.frames, task, QUESTIONS[task])
            rows[task] = measure(task, items, fresh.true_deg)
            if task == "angle":
                wide = [item for item, is_wide in zip(items, fresh.is_wide, strict=True) if is_wide]
                rows[task]["mae_to_90_deg"] = measure(task, wide, fresh.true_deg[fresh.is_wide])["mae_deg"]
                del rows[task]["mae_deg"]
                beyond = frames_beyond_the_picture(options.frames_beyond)
                items = ask(client, beyond.frames, task, QUESTIONS[task])
                rows[task]["mae_beyond_the_picture_deg"] = measure(task, items, beyond.true_deg)["mae_deg"]
            for wording in HELD_OUT[task]:
                items = ask(client, [fresh.frames[i] for i in few], task, wording)
                held_out[wording] = measure(task, items, fresh.true_deg[few])
        compared, truth = compare(client, fresh, pairs, GOAL)
        half = len(pairs) // 2
        rows["compare"] = measure_pairs(compared, truth)
        rows["compare"]["right_to_12_deg"] = measure_pairs(compared[:half], truth[:half])["right"]
        rows["compare"]["right_to_90_deg"] = measure_pairs(compared[half:], truth[half:])["right"]
        for goal in HELD_OUT_GOALS:
            held_out[f"compare by: {goal}"] = measure_pairs(*compare(client, fresh, few_pairs, goal))
    bars = {
        "mae_to_12_deg": (rows["angle"]["mae_to_12_deg"], "<=", 0.5),
        "mae_to_90_deg": (rows["angle"]["mae_to_90_deg"], "<=", 3.0),
        "sign_right": (rows["angle"]["sign_right"], ">=", 0.99),
        "upright_right": (rows["upright"]["right"], ">=", 0.95),
        "rating_kendall_tau_b": (rows["rating"]["kendall_tau_b"], ">=", 0.8),
        "compare_right": (rows["compare"]["right"], ">=", 0.95),
    }
    return {
        "frames": options.frames,
        "pairs": options.pairs,
        "seed": FRESH_SEED,
        "engine": info.engine,
        "dtype": info.dtype,
        "revision": info.revision,
        "tasks": rows,
        "held_out_wordings": held_out,
        "bars": {
            name: {
                "measured": value,
                "bar": f"{sign} {bar}",
                "met": value <= bar if sign == "<=" else value >= bar,
            }
            for name, (value, sign, bar) in bars.items()
        },
    }


def main() -> None:
    """Command line: measures, writes the report, and fails where a bar is missed."""
    options = tyro.cli(Options)
    result = report(options)
    (options.checkpoint / "accuracy.json").write_text(json.dumps(result, indent=2) + "\n")
    write_card(options.checkpoint)
    print(json.dumps(result["bars"], indent=2))
    missed = [name for name, bar in result["bars"].items() if not bar["met"]]
    if missed:
        raise SystemExit(f"bars missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
