"""Run folders as a training leaves them, with the labels of models whose faults are known.

The truth is a real environment's: CartPole under a policy that balances a while and is pushed about.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agent.config import Arm, TrainConfig, options
from agent.recording.marked_frame import mark
from agent.recording.samples import truth_of
from agent.reporting.findings import findings
from reward_client.schema import ItemStatus, RewardItem
from reward_tasks.catalog import find_task

QUESTION = "What is the tilt angle of the pole in degrees? Answer with a number only."
STEPS = 2000

Item = dict[str, Any]
Model = Callable[[float, bool, np.random.Generator], Item]
"""A frame's true tilt in degrees, whether an episode ends there, and chance, to the fields of an answer."""


def reads(value: float, text: str | None = None) -> Item:
    """An answer in degrees, with the reward of a map that falls from 1 at 0 to 0 at 90 degrees."""
    reward = max(0.0, 1.0 - abs(value) / 90.0)
    return {"text": text or f"{value:.0f}", "value": value, "unit": "deg", "reward": reward}


def always_45(_tilt: float, _ends: bool, _rng: np.random.Generator) -> Item:
    return reads(45.0)


def coin(_tilt: float, _ends: bool, rng: np.random.Generator) -> Item:
    return reads(45.0 if rng.random() < 0.6 else 30.0)


def always_yes(_tilt: float, _ends: bool, rng: np.random.Generator) -> Item:
    probability = float(rng.uniform(0.9, 0.99))
    return {"text": "Yes", "value": probability, "unit": "probability", "reward": probability}


def yes_by_its_probability(tilt: float, _ends: bool, rng: np.random.Generator) -> Item:
    probability = float(np.clip(0.99 - abs(tilt) / 40.0 + rng.normal(0, 0.02), 0.51, 1.0))
    return {"text": "Yes", "value": probability, "unit": "probability", "reward": probability}


def right(tilt: float, _ends: bool, rng: np.random.Generator) -> Item:
    return reads(tilt + float(rng.normal(0.0, 0.4)))


def half_null(tilt: float, ends: bool, rng: np.random.Generator) -> Item:
    """Reads well where it answers; no answer to half of the frames, and to nearly none at an end."""
    if rng.random() < (0.98 if ends else 0.5):
        message = "there is no number in the answer" if rng.random() < 0.8 else "two numbers"
        return {"text": "I cannot tell.", "reward": None, "status": "unparsable", "message": message}
    return right(tilt, ends, rng)


def opposite(tilt: float, _ends: bool, rng: np.random.Generator) -> Item:
    probability = float(np.clip(abs(tilt) / 15.0 + rng.normal(0, 0.03), 0.0, 1.0))
    text = "Yes" if probability > 0.5 else "No"
    return {"text": text, "value": probability, "unit": "probability", "reward": probability}


MODELS: dict[str, Model] = {
    model.__name__: model
    for model in (always_45, coin, always_yes, yes_by_its_probability, right, half_null, opposite)
}


@cache
def played(task_name: str) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.int64]]:
    """States ``(STEPS, D)`` after each step, where episodes ended, and the number of each one's episode."""
    task, rng = find_task(task_name), np.random.default_rng(1)
    env, states, ends, episodes = task.make(), [], [], []
    observation, _ = env.reset(seed=1)
    env.action_space.seed(1)
    episode = 1
    for _ in range(STEPS):
        push = observation[2] + 0.3 * observation[3] > 0 if len(observation) == 4 else observation[1] > 0
        action = int(push) * (env.action_space.n - 1) if rng.random() < 0.4 else env.action_space.sample()  # type: ignore[attr-defined]
        observation, _, terminated, truncated, _ = env.step(action)
        states.append(observation)
        ends.append(terminated)
        episodes.append(episode)
        if terminated or truncated:
            observation, _ = env.reset()
            episode += 1
    env.close()
    return np.stack(states), np.array(ends), np.array(episodes)


def labels(model: Model, task_name: str = "CartPole-v1", seed: int = 0) -> list[dict[str, Any]]:
    """The rows of ``labels.jsonl``."""
    task, rng = find_task(task_name), np.random.default_rng(seed)
    rows = []
    for step, (state, end, episode) in enumerate(zip(*played(task_name), strict=True), start=1):
        true = truth_of(task, state)
        item = model(true[f"true_{task.columns[0].name}"], bool(end), rng)
        rows.append(
            {
                "step": step,
                "learned_reward": item["reward"],
                "status": "ok",
                "value": None,
                "unit": None,
                "label_mass": None,
                "probabilities": None,
                "message": None,
                "episode": int(episode),
                "terminated": bool(end),
                **item,
                **true,
            }
        )
    return rows


def run_folder(
    folder: Path, model: Model, task_name: str = "CartPole-v1", solved: bool = True, pictures: int = 0
) -> Path:
    """Writes a run's folder, with the summary that its findings are merged into.

    Args:
        folder: to be made.
        model: gives the labels.
        task_name: names the task.
        solved: whether the final policy solved it.
        pictures: samples of each kind.
    """
    task, rows = find_task(task_name), labels(model, task_name)
    (folder / "samples").mkdir(parents=True)
    (folder / "samples_marked").mkdir()
    config = TrainConfig(name=folder.name, runs=folder.parent, task=task_name)
    low, high = task.return_bounds
    mean = high if solved else 0.7 * low + 0.3 * high
    summary = {
        "solved": solved,
        "mean_return": mean,
        "min_return": mean - 1,
        "eval_episodes": 100,
        "task": task_name,
        "env_steps": STEPS,
        "train_wall_clock_s": 12.0,
        "first_solved": None,
        "arm": Arm.VLM.value,
        "model": "fabricated",
        "rubric": "cartpole-angle",
        "prompt": None,
        "reward_id": "abc",
        "frames_scored": sum(row["reward"] is not None for row in rows),
        "frames_failed": sum(row["reward"] is None for row in rows),
        "seed": 1,
        "error": None,
        **findings(rows, {"options": options(config)}, task, QUESTION),
    }
    _write(folder, task_name, rows, summary, config)
    for number, kind in enumerate(["first"] * pictures + ["stratified"] * pictures + ["failed"] * pictures):
        _sample(folder, task_name, rows, number, kind)
    return folder


def _write(
    folder: Path, task_name: str, rows: list[dict[str, Any]], summary: dict[str, Any], config: TrainConfig
) -> None:
    (folder / "config.json").write_text(json.dumps({"options": options(config), "rubric": None}))
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    last = [n for n, row in enumerate(rows) if n + 1 == len(rows) or rows[n + 1]["episode"] != row["episode"]]
    metrics, first = [], 0
    for end in last:
        rewards = [row["reward"] or 0.0 for row in rows[first : end + 1]]
        metrics.append(
            {
                "step": end + 1,
                "charts/episodic_return": float(len(rewards)),
                "charts/learned_return": sum(rewards),
                "charts/vlm_return": sum(rewards),
                "charts/episodic_length": len(rewards),
            }
        )
        first = end + 1
    for step in range(200, STEPS + 1, 200):
        metrics.append({"step": step, "eval/mean_return": step / 4, "charts/wall_clock_s": step / 100})
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in metrics))


def _sample(folder: Path, task_name: str, rows: list[dict[str, Any]], number: int, kind: str) -> None:
    task, rng = find_task(task_name), np.random.default_rng(number)
    fit = [n for n, row in enumerate(rows) if (row["reward"] is None) == (kind == "failed")]
    if not fit:
        return
    chosen = fit[number] if kind == "first" else int(rng.choice(fit))
    row, state = rows[chosen], played(task_name)[0][chosen]
    env = task.make(frames=True)
    env.reset(seed=0)
    task.place(env, state.astype(np.float64))
    frame = np.asarray(env.render(), dtype=np.uint8)
    env.close()
    name = f"{kind}_{number}.png"
    item = RewardItem(
        index=0, reward=row["reward"], status=ItemStatus(row["status"]), text=row["text"], value=row["value"],
        unit=row["unit"], message=row["message"],
    )  # fmt: skip
    Image.fromarray(frame).save(folder / "samples" / name)
    mark(frame, item, task, state).save(folder / "samples_marked" / name)
    record = {"file": name, "chosen": kind, "step": row["step"], **row}
    with (folder / "samples" / "samples.jsonl").open("a") as log:
        log.write(json.dumps(record) + "\n")
