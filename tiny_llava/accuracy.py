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
from scipy.stats import kendalltau
from tqdm import tqdm

from reward_client import RewardClient, RewardItem, Rubric
from reward_client.local_server import local_server
from tiny_llava.card import write_card
from tiny_llava.frames import TRACK_HALF_WIDTH, render_states
from tiny_llava.questions import ANSWERS, HELD_OUT, LEAN_DEG, UPRIGHT_DEG, Task
from tiny_llava.train import CHECKPOINT

FRESH_SEED = 987_654
FRAMES_PER_REQUEST = 32
PLAYED_DEG, ALL_DEG = 12.0, 90.0

QUESTIONS: dict[Task, str] = {
    "angle": "What is the tilt angle of the pole in degrees? Negative is left, positive is right. "
    "Answer with a number only.",
    "upright": "Is the pole upright? Answer yes or no.",
    "lean": "Which way does the pole lean? Answer left, right or upright.",
    "rating": "How upright is the pole on a scale from 0 to 9? 9 is upright. Answer with a single digit.",
}
"""The wordings measured on all frames; the first two are those of the server's rubrics."""

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
    held_out_frames: int = 150
    """frames for each held-out wording, of both halves"""
    dtype: str = "bfloat16"
    """type of the engine's arithmetic"""


def rubric_for(task: Task, question: str) -> Rubric:
    """A rubric that asks one wording of a task's question."""
    return Rubric.model_validate({"prompt": question, "readout": _READOUTS[task], "reward": _REWARDS[task]})


def fresh_states(count: int) -> NDArray[np.float64]:
    """Draws test states: the first half over +-12 degrees, the second over +-90; cart anywhere.

    Returns:
        ``(count, 2)`` array of cart position and tilt in degrees.
    """
    rng = np.random.default_rng(FRESH_SEED)
    limit = np.where(np.arange(count) < count // 2, PLAYED_DEG, ALL_DEG)
    position = rng.uniform(-TRACK_HALF_WIDTH, TRACK_HALF_WIDTH, count)
    return np.stack([position, rng.uniform(-limit, limit)], axis=1)


def ask(
    client: RewardClient, frames: Sequence[NDArray[np.uint8]], task: Task, question: str
) -> list[RewardItem]:
    """Scores frames with one wording, some at a time."""
    rubric = rubric_for(task, question)
    items: list[RewardItem] = []
    for start in tqdm(range(0, len(frames), FRAMES_PER_REQUEST), desc=task, unit="request"):
        items += client.score(frames[start : start + FRAMES_PER_REQUEST], rubric).data
    return items


def measure(task: Task, items: Sequence[RewardItem], true_deg: NDArray[np.float64]) -> dict[str, float]:
    """Compares answers with the truth.

    Args:
        task: what was asked.
        items: the server's answers.
        true_deg: ``(N,)`` true tilts.

    Returns:
        Measures by name; a share of 1 is all frames.
    """
    value = np.array([np.nan if item.value is None else item.value for item in items])
    text = np.array([item.text for item in items])
    measures = {
        "answered": float(np.mean([item.status.value == "ok" for item in items])),
        "mean_label_mass": float(np.mean([item.label_mass or 0.0 for item in items])),
    }
    if task == "angle":
        error_deg = np.abs(value - true_deg)
        tilted, played = np.abs(true_deg) > 1.0, np.abs(true_deg) <= PLAYED_DEG
        measures["mae_to_12_deg"] = float(error_deg[played].mean())
        measures["mae_deg"] = float(error_deg.mean())
        measures["sign_right"] = float((np.sign(value) == np.sign(true_deg))[tilted].mean())
    elif task == "upright":
        measures["right"] = float(((value > 0.5) == (np.abs(true_deg) <= UPRIGHT_DEG)).mean())
    elif task == "lean":
        truth = np.select([true_deg < -LEAN_DEG, true_deg > LEAN_DEG], ["Left", "Right"], "Upright")
        measures["right"] = float((text == truth).mean())
    else:
        measures["kendall_tau_b"] = float(kendalltau(value, -np.abs(true_deg)).statistic)
        digits = [float(t) if t.isdecimal() else -1.0 for t in text]
        measures["kendall_tau_b_of_digit"] = float(kendalltau(digits, -np.abs(true_deg)).statistic)
    return measures


def report(options: Options) -> dict[str, Any]:
    """Runs all measurements against a server that it starts.

    Returns:
        What ``accuracy.json`` holds.
    """
    states = fresh_states(options.frames)
    frames = [frame.copy() for frame in render_states(states)]
    true_deg, wide = states[:, 1], np.arange(len(states)) >= len(states) // 2
    few = np.linspace(0, len(frames) - 1, options.held_out_frames).astype(int)
    arguments = ["--model", str(options.checkpoint), "--dtype", options.dtype, "--max-model-len", "512"]
    rows: dict[str, dict[str, float]] = {}
    held_out: dict[str, dict[str, float]] = {}
    log_file = Path("runs") / "accuracy" / "server.log"
    with local_server(arguments, log_file=log_file) as server, RewardClient(server.url) as client:
        info = client.info()
        for task, question in QUESTIONS.items():
            items = ask(client, frames, task, question)
            rows[task] = measure(task, items, true_deg)
            if task == "angle":
                uniform = [item for item, is_wide in zip(items, wide, strict=True) if is_wide]
                rows[task]["mae_to_90_deg"] = measure(task, uniform, true_deg[wide])["mae_deg"]
                del rows[task]["mae_deg"]
            for wording in HELD_OUT[task]:
                items = ask(client, [frames[i] for i in few], task, wording)
                held_out[wording] = measure(task, items, true_deg[few])
    bars = {
        "mae_to_12_deg": (rows["angle"]["mae_to_12_deg"], "<=", 0.5),
        "mae_to_90_deg": (rows["angle"]["mae_to_90_deg"], "<=", 3.0),
        "sign_right": (rows["angle"]["sign_right"], ">=", 0.99),
        "upright_right": (rows["upright"]["right"], ">=", 0.95),
        "rating_kendall_tau_b": (rows["rating"]["kendall_tau_b"], ">=", 0.8),
    }
    return {
        "frames": options.frames,
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
