"""Measures the checkpoint through the reward server in bfloat16: ``python -m tiny_llava.report.accuracy``.

Fresh frames, whose seed training never used, are scored over HTTP by real vLLM. Writes the checkpoint's
``accuracy.json`` and its model card, and ends with an error where a bar is missed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from reward_client import RewardClient
from reward_client.processes.local_server import local_server
from tiny_llava.language.questions import FRAME_TOPICS
from tiny_llava.language.wordings import HELD_OUT, HELD_OUT_GOALS
from tiny_llava.pictures.other_games import OTHER_GAMES
from tiny_llava.report.asking import GOAL, QUESTIONS, ask, compare, upright_by
from tiny_llava.report.card import write_card
from tiny_llava.report.measures import (
    FRESH_SEED,
    frames_beyond_the_picture,
    fresh_frames,
    fresh_game,
    fresh_pairs,
    measure,
    measure_pairs,
)
from tiny_llava.train import CHECKPOINT


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
    game_frames: int = 1_000
    """fresh frames of each other game, over all that its picture can show"""
    pairs: int = 1_000
    """pairs of these frames whose tilts differ by at least 3 degrees in size"""
    held_out_pairs: int = 150
    """pairs for each held-out goal"""
    dtype: str = "bfloat16"
    """type of the engine's arithmetic"""


def report(options: Options) -> dict[str, Any]:
    """Runs all measurements against a server that it starts.

    Returns:
        What ``accuracy.json`` holds.
    """
    fresh = fresh_frames(options.frames)
    few = np.linspace(0, len(fresh.frames) - 1, options.held_out_frames).astype(int)
    pairs = fresh_pairs(fresh.truth, options.pairs)
    few_pairs = pairs[np.linspace(0, len(pairs) - 1, options.held_out_pairs).astype(int)]
    arguments = ["--model", str(options.checkpoint), "--dtype", options.dtype, "--max-model-len", "512"]
    rows: dict[str, dict[str, float]] = {}
    held_out: dict[str, dict[str, float]] = {}
    log_file = Path("runs") / "accuracy" / "server.log"
    with local_server(arguments, log_file=log_file) as server, RewardClient(server.url) as client:
        info = client.info()
        for topic in FRAME_TOPICS:
            items = ask(client, fresh.frames, topic, QUESTIONS[topic])
            rows[topic] = measure(topic, items, fresh.truth)
            if topic == "angle":
                wide = [item for item, is_wide in zip(items, fresh.is_wide, strict=True) if is_wide]
                rows[topic]["mae_to_90_deg"] = measure(topic, wide, fresh.truth[fresh.is_wide])["mae_deg"]
                del rows[topic]["mae_deg"]
                beyond = frames_beyond_the_picture(options.frames_beyond)
                items = ask(client, beyond.frames, topic, QUESTIONS[topic])
                rows[topic]["mae_beyond_the_picture_deg"] = measure(topic, items, beyond.truth)["mae_deg"]
            for wording in HELD_OUT[topic]:
                items = ask(client, [fresh.frames[i] for i in few], topic, wording)
                held_out[wording] = measure(topic, items, fresh.truth[few])
        compared, truth = compare(client, fresh, pairs, upright_by(GOAL))
        half = len(pairs) // 2
        rows["compare"] = measure_pairs(compared, truth)
        rows["compare"]["right_to_12_deg"] = measure_pairs(compared[:half], truth[:half])["right"]
        rows["compare"]["right_to_90_deg"] = measure_pairs(compared[half:], truth[half:])["right"]
        for goal in HELD_OUT_GOALS:
            answers = compare(client, fresh, few_pairs, upright_by(goal))
            held_out[f"compare by: {goal}"] = measure_pairs(*answers)
        for game in OTHER_GAMES:
            for topic, shown in fresh_game(game, options.game_frames).items():
                rows[topic] = measure(topic, ask(client, shown.frames, topic, QUESTIONS[topic]), shown.truth)
                first = slice(options.held_out_frames)
                for wording in HELD_OUT[topic]:
                    items = ask(client, shown.frames[first], topic, wording)
                    held_out[wording] = measure(topic, items, shown.truth[first])
    bars = {
        "mae_to_12_deg": (rows["angle"]["mae_to_12_deg"], "<=", 0.5),
        "mae_to_90_deg": (rows["angle"]["mae_to_90_deg"], "<=", 3.0),
        "sign_right": (rows["angle"]["sign_right"], ">=", 0.99),
        "upright_right": (rows["upright"]["right"], ">=", 0.95),
        "rating_kendall_tau_b": (rows["rating"]["kendall_tau_b"], ">=", 0.8),
        "compare_right": (rows["compare"]["right"], ">=", 0.95),
        "car_position_mae": (rows["car_position"]["mae"], "<=", 0.05),
        "pendulum_mae_deg": (rows["pendulum"]["mae_deg"], "<=", 3.0),
        "pendulum_side_right": (rows["pendulum"]["side_right"], ">=", 0.99),
    }
    return {
        "frames": options.frames,
        "game_frames": options.game_frames,
        "pairs": options.pairs,
        "seed": FRESH_SEED,
        "engine": info.engine,
        "dtype": info.dtype,
        "revision": info.revision,
        "topics": rows,
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
