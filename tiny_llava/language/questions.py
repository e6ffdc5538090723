"""What the checkpoint is asked, by topic: the answers and the training targets.

Five topics are about CartPole (four about one frame, one compares two frames side by side), two about
MountainCar, one about Pendulum. Answers are single tokens of the tokenizer (``tokenizer.py``). Not for the
wordings of the questions (``wordings.py``).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reward_tasks.mountain_car import LEFT_END, RIGHT_END

Topic = Literal["angle", "upright", "lean", "rating", "compare", "car_position", "car_height", "pendulum"]
FRAME_TOPICS: tuple[Topic, ...] = ("angle", "upright", "lean", "rating")
"""What is asked about one frame of CartPole."""

CARTPOLE_TOPICS: tuple[Topic, ...] = (*FRAME_TOPICS, "compare")
CAR_TOPICS: tuple[Topic, ...] = ("car_position", "car_height")
TOPICS: tuple[Topic, ...] = (*CARTPOLE_TOPICS, *CAR_TOPICS, "pendulum")

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

CAR_LABELS = tuple(f"{tenth / 10:.1f}" for tenth in range(round(10 * LEFT_END), round(10 * RIGHT_END) + 1))
"""Where the car is, in tenths of the track's own units: -1.2 to 0.6."""

PENDULUM_LABELS_DEG: tuple[int, ...] = (*range(-180, -20, 4), *range(-20, 21, 2), *range(24, 181, 4))
"""101 labels all round: every second degree to +-20, every fourth beyond."""

RATING_LABELS = tuple(str(n) for n in range(10))
ANSWERS: dict[Topic, tuple[str, ...]] = {
    "angle": tuple(str(a) for a in ANGLE_LABELS_DEG),
    "upright": ("Yes", "No"),
    "lean": ("Left", "Right", "Upright"),
    "rating": RATING_LABELS,
    "compare": ("Left", "Right"),
    "car_position": CAR_LABELS,
    "car_height": RATING_LABELS,
    "pendulum": tuple(str(a) for a in PENDULUM_LABELS_DEG),
}


def rating_of(angle_deg: float) -> float:
    """The 0-9 rating of a tilt: 9 upright, 0 at 90 degrees, falling fastest near upright.

    The square root keeps the rating informative where CartPole is played: 4 degrees give 7.1 and 12
    degrees 5.7, where a linear scale would give 8.6 and 7.8.
    """
    return 9.0 * (1.0 - math.sqrt(min(abs(angle_deg), 90.0) / 90.0))


def target(topic: Topic, truth: float) -> NDArray[np.float64]:
    """The answer distribution to learn for what is true of a frame.

    The distributions are soft, since a frame shows more than a label says: a Gaussian over CartPole's angle
    labels (sigma 0.7 of the local spacing), logistic steps at the thresholds, and else a linear split between
    the two neighbouring labels, whose expected value is the truth itself.

    Args:
        topic: one about one frame.
        truth: CartPole's topics: the tilt in degrees within +-180, left negative; beyond the last label it is
            that label, and a hanging pole is the positive one. ``car_position``: from -1.2 to 0.6.
            ``car_height``: from 0 in the valley to 1 on a hill. ``pendulum``: the angle from upright in
            degrees within +-180, left negative.

    Returns:
        ``(len(ANSWERS[topic]),)`` probabilities that sum to 1.
    """
    if topic == "angle":
        return _angle_target(truth)
    if topic == "upright":
        yes = _logistic((UPRIGHT_DEG - abs(truth)) / 0.3)
        return np.array([yes, 1.0 - yes])
    if topic == "lean":
        left = _logistic((-LEAN_DEG - truth) / 0.2)
        right = _logistic((truth - LEAN_DEG) / 0.2)
        return np.array([left, right, 1.0 - left - right])
    if topic == "rating":
        return _split(rating_of(truth), RATING_LABELS)
    return _split(9.0 * truth if topic == "car_height" else truth, ANSWERS[topic])


def _angle_target(angle_deg: float) -> NDArray[np.float64]:
    last = float(ANGLE_LABELS_DEG[-1])
    angle_deg = last if abs(angle_deg) >= HANGING_DEG else min(max(angle_deg, -last), last)
    labels = np.asarray(ANGLE_LABELS_DEG, dtype=np.float64)
    spacing = 1.0 if abs(angle_deg) < 20.0 else 2.0
    weights: NDArray[np.float64] = np.exp(-0.5 * ((labels - angle_deg) / (0.7 * spacing)) ** 2)
    weights *= np.gradient(labels)  # so that coarse labels stand for their wider cells
    weights /= weights.sum()
    return weights


def _split(value: float, labels: tuple[str, ...]) -> NDArray[np.float64]:
    """Shares a value between its two neighbours among numbers in ascending order."""
    numbers = np.array([float(label) for label in labels])
    value = min(max(value, numbers[0]), numbers[-1])
    low = min(int(np.searchsorted(numbers, value, side="right")) - 1, len(numbers) - 2)
    share = (value - numbers[low]) / (numbers[low + 1] - numbers[low])
    split = np.zeros(len(numbers))
    split[low], split[low + 1] = 1.0 - share, share
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
