"""Asks the checkpoint a topic's questions, and compares frames, through a running reward server.

Not for judging the answers (``measures.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from reward_client import RewardClient, RewardItem, Rubric
from reward_client.schema import ComparisonItem
from tiny_llava.language.questions import ANSWERS, Topic
from tiny_llava.report.measures import Fresh

FRAMES_PER_REQUEST = 32
GOAL = "the pole is upright"

QUESTIONS: dict[Topic, str] = {
    "angle": "What is the tilt angle of the pole in degrees? Negative is left, positive is right. "
    "Answer with a number only.",
    "upright": "Is the pole upright? Answer yes or no.",
    "lean": "Which way does the pole lean? Answer left, right or upright.",
    "rating": "How upright is the pole on a scale from 0 to 9? 9 is upright. Answer with a single digit.",
    "car_position": "Where is the car on the track? The left end is -1.2, the right end is 0.6. "
    "Answer with a number.",
    "car_height": "How high does the car stand on a scale from 0 to 9? 0 is the valley, 9 is the hilltop. "
    "Answer with a single digit.",
    "pendulum": "What is the angle of the pendulum from upright in degrees? 0 is upright, 180 hangs straight "
    "down, left is negative. Answer with a number.",
}
"""The wordings measured on all frames, those of the server's rubrics."""


def upright_by(goal: str) -> Rubric:
    """A rubric that compares by a goal."""
    return rubric_for("upright", QUESTIONS["upright"], goal)


def rubric_for(topic: Topic, question: str, goal: str | None = None) -> Rubric:
    """A rubric that asks one wording of a topic's question, or compares by a goal."""
    labels = list(ANSWERS[topic])
    kinds: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "upright": ({"type": "yes_no"}, {"type": "probability"}),
        "lean": (
            {"type": "choice", "labels": labels},
            {"type": "weights", "weights": {label: float(label == "Upright") for label in labels}},
        ),
    }
    readout, reward = kinds.get(
        topic, ({"type": "expectation", "labels": labels}, {"type": "affine", "scale": 1})
    )
    return Rubric.model_validate({"prompt": question, "readout": readout, "reward": reward, "goal": goal})


def ask(
    client: RewardClient, frames: Sequence[NDArray[np.uint8]], topic: Topic, question: str
) -> list[RewardItem]:
    """Scores frames with one wording, some at a time."""
    rubric = rubric_for(topic, question)
    items: list[RewardItem] = []
    for start in tqdm(range(0, len(frames), FRAMES_PER_REQUEST), desc=topic, unit="request"):
        items += client.score(frames[start : start + FRAMES_PER_REQUEST], rubric).data
    return items


def compare(
    client: RewardClient, fresh: Fresh, pairs: NDArray[np.int64], rubric: str | Rubric
) -> tuple[list[ComparisonItem], list[str]]:
    """Compares pairs of frames by a rubric's goal.

    Returns:
        The answers, and which image of each pair is the more upright one.
    """
    items: list[ComparisonItem] = []
    for start in tqdm(range(0, len(pairs), FRAMES_PER_REQUEST), desc="compare", unit="request"):
        chosen = pairs[start : start + FRAMES_PER_REQUEST]
        items += client.compare([(fresh.frames[a], fresh.frames[b]) for a, b in chosen], rubric).data
    size = np.abs(fresh.truth)
    return items, ["first" if size[a] < size[b] else "second" for a, b in pairs]
