"""What the checkpoint is asked: wordings of five questions, their answers and training targets.

Four are about one frame, one compares two frames side by side. Each question has a compositional set
of training wordings, and a few held-out wordings that only the accuracy report uses. Answers are single
tokens of the tokenizer (``tokenizer.py``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reward_server.reading.comparison import COMPOSED_PROMPT

Task = Literal["angle", "upright", "lean", "rating", "compare"]
FRAME_TASKS: tuple[Task, ...] = ("angle", "upright", "lean", "rating")
"""Questions about one frame."""

TASKS: tuple[Task, ...] = (*FRAME_TASKS, "compare")

ANGLE_LABELS_DEG: tuple[int, ...] = (
    *range(-96, -20, 2),
    *range(-20, 21),
    *range(22, 97, 2),
)
"""117 labels, whole degrees to +-20 and even ones to +-96: vLLM reads at most 128 a request."""

UPRIGHT_DEG = 4.0
"""The pole counts as upright up to this tilt."""

LEAN_DEG = 1.0
"""Up to this tilt the pole leans neither way."""

HANGING_DEG = 165.0
"""From this tilt on the pole hangs. It is read as +96 on both sides: were the sign left open, the
expected value of a hanging pole would be about 0, which is upright."""

RATING_LABELS = tuple(str(n) for n in range(10))
ANSWERS: dict[Task, tuple[str, ...]] = {
    "angle": tuple(str(a) for a in ANGLE_LABELS_DEG),
    "upright": ("Yes", "No"),
    "lean": ("Left", "Right", "Upright"),
    "rating": RATING_LABELS,
    "compare": ("Left", "Right"),
}


def rating_of(angle_deg: float) -> float:
    """The 0-9 rating of a tilt: 9 upright, 0 at 90 degrees, falling fastest near upright.

    The square root keeps the rating informative where CartPole is played: 4 degrees give 7.1 and 12
    degrees 5.7, where a linear scale would give 8.6 and 7.8.
    """
    return 9.0 * (1.0 - math.sqrt(min(abs(angle_deg), 90.0) / 90.0))


def target(task: Task, angle_deg: float) -> NDArray[np.float64]:
    """The answer distribution to learn for a tilt.

    The distributions are soft, since a frame shows the tilt to a fraction of a degree: a Gaussian
    over the angle labels (sigma 0.7 of the local spacing), logistic steps at the thresholds, and a
    linear split between neighbouring ratings.

    Args:
        task: a question about one frame.
        angle_deg: true tilt in degrees within +-180, left negative. Beyond the last label, it is that
            label; a hanging pole is the positive one.

    Returns:
        ``(len(ANSWERS[task]),)`` probabilities that sum to 1.
    """
    if task == "angle":
        last = float(ANGLE_LABELS_DEG[-1])
        angle_deg = last if abs(angle_deg) >= HANGING_DEG else min(max(angle_deg, -last), last)
        labels = np.asarray(ANGLE_LABELS_DEG, dtype=np.float64)
        spacing = 1.0 if abs(angle_deg) < 20.0 else 2.0
        weights: NDArray[np.float64] = np.exp(-0.5 * ((labels - angle_deg) / (0.7 * spacing)) ** 2)
        weights *= np.gradient(labels)  # so that coarse labels stand for their wider cells
        weights /= weights.sum()
        return weights
    if task == "upright":
        yes = _logistic((UPRIGHT_DEG - abs(angle_deg)) / 0.3)
        return np.array([yes, 1.0 - yes])
    if task == "lean":
        left = _logistic((-LEAN_DEG - angle_deg) / 0.2)
        right = _logistic((angle_deg - LEAN_DEG) / 0.2)
        return np.array([left, right, 1.0 - left - right])
    low = min(int(rating := rating_of(angle_deg)), 8)
    split = np.zeros(10)
    split[low], split[low + 1] = low + 1 - rating, rating - low
    return split


def compare_target(left_deg: float, right_deg: float) -> NDArray[np.float64]:
    """The distribution over ``Left`` and ``Right``, which of two poles is more upright.

    Args:
        left_deg: tilt in the left image, in degrees.
        right_deg: tilt in the right image, in degrees.

    Returns:
        ``(2,)`` probabilities that sum to 1, even where both tilts have the same size.
    """
    left = _logistic((abs(right_deg) - abs(left_deg)) / 0.5)
    return np.array([left, 1.0 - left])


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(min(x, 40.0), -40.0)))


_THING = ("pole", "pole", "pole", "stick", "rod", "pendulum", "beam")
_PICTURE = ("", "", "", "in this picture ", "in this image ", "in the frame ", "on the cart ")


@dataclass(frozen=True)
class _Wording:
    stems: tuple[str, ...]
    tails: tuple[str, ...]


_WORDINGS: dict[Task, _Wording] = {
    "angle": _Wording(
        stems=(
            "What is the tilt of the {thing} {where}in degrees?",
            "What is the tilt angle of the {thing} {where}in degrees?",
            "What is the angle of the {thing} {where}from vertical in degrees?",
            "By how many degrees is the {thing} {where}tilted?",
            "How many degrees is the {thing} {where}tilted from vertical?",
            "At what angle does the {thing} {where}lean, in degrees?",
            "How far is the {thing} {where}from upright, in degrees?",
            "Give the tilt of the {thing} {where}in degrees.",
            "Estimate the angle between the {thing} {where}and the vertical in degrees.",
            "Measure the inclination of the {thing} {where}in degrees.",
            "Tell me the signed angle of the {thing} {where}in degrees.",
        ),
        tails=(
            "",
            "Left is negative.",
            "Negative means left.",
            "Negative is left, positive is right.",
            "Left is negative, right is positive.",
            "Use a negative number for left and a positive number for right.",
            "Answer with a number.",
            "Answer with a number only.",
            "Answer with a single signed number.",
            "Left is negative. Answer with a number.",
            "Negative is left, positive is right. Answer with a number only.",
            "Answer the question using a single word or phrase.",
        ),
    ),
    "upright": _Wording(
        stems=(
            "Is the {thing} {where}upright?",
            "Is the {thing} {where}standing upright?",
            "Is the {thing} {where}vertical?",
            "Is the {thing} {where}balanced upright?",
            "Is the {thing} {where}balanced?",
            "Does the {thing} {where}stand upright?",
            "Does the {thing} {where}look upright?",
            "Would you say that the {thing} {where}is upright?",
            "Is this {thing} {where}nearly vertical?",
            "Tell me whether the {thing} {where}is upright.",
        ),
        tails=(
            "",
            "Answer yes or no.",
            "Yes or no?",
            "Answer with yes or no only.",
            "Please answer yes or no.",
            "Reply with Yes or No.",
            "Answer the question using a single word or phrase.",
        ),
    ),
    "lean": _Wording(
        stems=(
            "Which way does the {thing} {where}lean?",
            "Which way is the {thing} {where}leaning?",
            "In which direction does the {thing} {where}lean?",
            "In which direction is the {thing} {where}tilted?",
            "To which side does the {thing} {where}lean?",
            "To which side is the {thing} {where}falling?",
            "Does the {thing} {where}lean left or right?",
            "Is the {thing} {where}leaning to the left, to the right or upright?",
            "Tell me the direction in which the {thing} {where}leans.",
        ),
        tails=(
            "",
            "Answer left, right or upright.",
            "Left, right or upright?",
            "Answer with one word: left, right or upright.",
            "Choose left, right or upright.",
            "Reply with Left, Right or Upright.",
            "Answer the question using a single word or phrase.",
        ),
    ),
    "rating": _Wording(
        stems=(
            "How upright is the {thing} {where}on a scale from 0 to 9?",
            "Rate from 0 to 9 how upright the {thing} {where}is.",
            "Rate how upright the {thing} {where}is, from 0 to 9.",
            "On a scale from 0 to 9, how upright is the {thing}?",
            "Score the {thing} {where}from 0 to 9 for how upright it is.",
            "Give a score from 0 to 9 for how well the {thing} {where}is balanced.",
            "How well is the {thing} {where}balanced, from 0 to 9?",
            "Grade the balance of the {thing} {where}from 0 to 9.",
        ),
        tails=(
            "",
            "9 is upright.",
            "0 is lying down, 9 is upright.",
            "9 means perfectly upright and 0 means horizontal.",
            "Answer with a number.",
            "Answer with a single digit.",
            "9 is upright. Answer with a single digit.",
            "Answer the question using a single word or phrase.",
        ),
    ),
    "compare": _Wording(
        stems=(
            *(
                COMPOSED_PROMPT.format(goal=goal)
                for goal in (
                    "the {thing} is upright",
                    "the {thing} {where}stands upright",
                    "the {thing} is vertical",
                    "the {thing} {where}is balanced",
                    "keep the {thing} upright",
                )
            ),
            "Which image shows the more upright {thing}, the left one or the right one?",
            "In which image is the {thing} more upright, left or right?",
            "Which {thing} is closer to vertical, the left one or the right one?",
            "Is the {thing} more upright on the left or on the right?",
            "Two images are side by side. Which {thing} is more upright?",
        ),
        tails=(
            "",
            "",
            "Left or right?",
            "Answer the question using a single word or phrase.",
        ),
    ),
}

HELD_OUT_GOALS = ("the pole stays up", "the stick is closest to vertical", "the pole looks balanced")
"""Goals that training never shows in a comparison."""

HELD_OUT: dict[Task, tuple[str, ...]] = {
    "angle": (
        "How many degrees does the pole lean? Left is negative.",
        "What angle in degrees is the stick tilted at? Answer with a number.",
        "Tell me by how many degrees the pole is tilted, negative for left.",
    ),
    "upright": (
        "Do you see an upright pole? Answer yes or no.",
        "Is the pole on the cart standing vertical, yes or no?",
        "Tell me if the stick stands upright.",
    ),
    "lean": (
        "Where is the pole leaning? Left, right or upright?",
        "What direction does the pole lean in? Answer left, right or upright.",
        "Tell me to which side the stick is tilted.",
    ),
    "rating": (
        "Please rate the pole: how upright is it, from 0 to 9?",
        "What score from 0 to 9 would you give the pole for being upright?",
        "From 0 to 9, how well does the stick stand upright?",
    ),
    "compare": tuple(COMPOSED_PROMPT.format(goal=goal) for goal in HELD_OUT_GOALS),
}
"""Wordings that training never shows (``draw_wording`` rejects them); the report asks them too."""


def draw_wording(task: Task, rng: np.random.Generator) -> str:
    """Draws one training wording of a question, sometimes all in lower case or without its end mark."""
    wording = _WORDINGS[task]
    stem = wording.stems[rng.integers(len(wording.stems))]
    tail = wording.tails[rng.integers(len(wording.tails))]
    thing, where = _THING[rng.integers(len(_THING))], _PICTURE[rng.integers(len(_PICTURE))]
    text = f"{stem.format(thing=thing, where=where)} {tail}".strip()
    style = rng.random()
    if style < 0.1:
        text = text.lower()
    elif style < 0.2:
        text = text.rstrip("?.")
    return draw_wording(task, rng) if text in HELD_OUT[task] else text
