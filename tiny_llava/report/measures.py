"""Fresh frames and pairs, and how answers about them compare with the truth.

Not for asking (``accuracy.py``, ``rubric_table.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from reward_client.schema import ComparisonItem, RewardItem
from tiny_llava.language.questions import LEAN_DEG, UPRIGHT_DEG, Topic
from tiny_llava.pictures.frames import PICTURE_HALF_WIDTH, TRACK_HALF_WIDTH, render_states
from tiny_llava.pictures.other_games import Game, render_frames

FRESH_SEED = 987_654
PLAYED_DEG, ALL_DEG = 12.0, 90.0
LEAST_DIFFERENCE_DEG = 3.0
"""Pairs differ by at least this in the tilts' sizes."""

BESIDE_UPRIGHT_DEG = 5.0
"""Beyond this angle the side on which a pendulum is counts."""


@dataclass(frozen=True)
class Fresh:
    """Frames that training never saw.

    Attributes:
        frames: ``(H, W, 3)`` uint8 RGB each; of CartPole's the first half is over +-12 degrees, the second
            over +-90.
        truth: ``(N,)`` what is true: CartPole's tilts in degrees, left negative, or another topic's.
    """

    frames: list[NDArray[np.uint8]]
    truth: NDArray[np.float64]

    @property
    def is_wide(self) -> NDArray[np.bool_]:
        """``(N,)``: whether a frame of CartPole is of the second half."""
        return np.arange(len(self.frames)) >= len(self.frames) // 2


def fresh_frames(count: int) -> Fresh:
    """Renders test frames: half of them over +-12 degrees, half over +-90; the cart anywhere on the track."""
    rng = np.random.default_rng(FRESH_SEED)
    limit = np.where(np.arange(count) < count // 2, PLAYED_DEG, ALL_DEG)
    position = rng.uniform(-PICTURE_HALF_WIDTH, PICTURE_HALF_WIDTH, count)
    return _render(position, rng.uniform(-limit, limit))


def frames_beyond_the_picture(count: int) -> Fresh:
    """Renders frames with the cart's centre beyond either edge of the picture, over +-12 degrees."""
    rng = np.random.default_rng(FRESH_SEED + 1)
    position = rng.uniform(PICTURE_HALF_WIDTH, TRACK_HALF_WIDTH, count) * rng.choice([-1.0, 1.0], count)
    return _render(position, rng.uniform(-PLAYED_DEG, PLAYED_DEG, count))


def _render(position: NDArray[np.float64], true_deg: NDArray[np.float64]) -> Fresh:
    states = np.stack([position, true_deg], axis=1)
    return Fresh([frame.copy() for frame in render_states(states)], true_deg)


def fresh_game(game: Game, count: int) -> dict[Topic, Fresh]:
    """Renders test frames of another game, over all that its picture can show, for each of its topics."""
    rendered = [(frame.copy(), truth) for frame, truth in render_frames(game, count, FRESH_SEED)]
    frames = [frame for frame, _ in rendered]
    return {topic: Fresh(frames, np.array([truth[topic] for _, truth in rendered])) for topic in game.columns}


def fresh_pairs(true_deg: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Draws pairs of test frames whose tilts differ by at least 3 degrees in size.

    Args:
        true_deg: ``(N,)`` tilts, the first half over +-12 degrees, the second over +-90.
        count: number of pairs; half of them from each half of the frames.

    Returns:
        ``(count, 2)`` indices of frames.
    """
    rng = np.random.default_rng(FRESH_SEED)
    half, size = len(true_deg) // 2, np.abs(true_deg)
    pairs: list[tuple[int, int]] = []
    while len(pairs) < count:
        start = 0 if len(pairs) < count // 2 else half
        first, second = (int(i) for i in rng.integers(start, start + half, size=2))
        if abs(size[first] - size[second]) >= LEAST_DIFFERENCE_DEG:
            pairs.append((first, second))
    return np.array(pairs)


def measure(topic: Topic, items: Sequence[RewardItem], truth: NDArray[np.float64]) -> dict[str, float]:
    """Compares answers with the truth.

    Args:
        topic: what was asked.
        items: the server's answers.
        truth: ``(N,)`` what is true: tilts or angles in degrees, the car's position or its height.

    Returns:
        Measures by name; a share of 1 is all frames.
    """
    value = np.array([np.nan if item.value is None else item.value for item in items])
    text = np.array([item.text for item in items])
    measures = {
        "answered": float(np.mean([item.status.value == "ok" for item in items])),
        "mean_label_mass": float(np.mean([item.label_mass or 0.0 for item in items])),
    }
    if topic == "car_position":
        measures["mae"] = float(np.nanmean(np.abs(value - truth)))
    elif topic == "car_height":
        measures["mae"] = float(np.nanmean(np.abs(value / 9.0 - truth)))
        measures["kendall_tau_b"] = float(kendalltau(value, truth, nan_policy="omit").statistic)
    elif topic == "pendulum":
        error_deg = np.abs((value - truth + 180.0) % 360.0 - 180.0)  # all round
        beside = np.abs(truth) > BESIDE_UPRIGHT_DEG
        measures["mae_deg"] = float(np.nanmean(error_deg))
        measures["side_right"] = float((np.sign(value) == np.sign(truth))[beside].mean())
    elif topic == "angle":
        error_deg = np.abs(value - truth)
        tilted, played = np.abs(truth) > 1.0, np.abs(truth) <= PLAYED_DEG
        # of those that were read; the share of the others is in "answered", and a sign not read is wrong
        measures["mae_to_12_deg"] = float(np.nanmean(error_deg[played]))
        measures["mae_deg"] = float(np.nanmean(error_deg))
        measures["sign_right"] = float((np.sign(value) == np.sign(truth))[tilted].mean())
    elif topic == "upright":
        right = (value > 0.5) == (np.abs(truth) <= UPRIGHT_DEG)
        measures["right"] = float((right & ~np.isnan(value)).mean())
    elif topic == "lean":
        side = np.select([truth < -LEAN_DEG, truth > LEAN_DEG], ["Left", "Right"], "Upright")
        measures["right"] = float((text == side).mean())
    else:
        measures["kendall_tau_b"] = float(kendalltau(value, -np.abs(truth), nan_policy="omit").statistic)
        # another word counts as the lowest; no answer counts nowhere
        digits = [np.nan if t is None else float(t) if t.isdecimal() else -1.0 for t in text]
        measures["kendall_tau_b_of_digit"] = float(
            kendalltau(digits, -np.abs(truth), nan_policy="omit").statistic
        )
    return measures


def measure_pairs(items: Sequence[ComparisonItem], more_upright: Sequence[str]) -> dict[str, float]:
    """Compares preferences with the truth.

    Args:
        items: the server's answers.
        more_upright: ``first`` or ``second`` for each pair.
    """
    right = [item.preference == truth for item, truth in zip(items, more_upright, strict=True)]
    return {
        "answered": float(np.mean([item.status.value == "ok" for item in items])),
        "right": float(np.mean(right)),
        "consistent": float(np.mean([item.consistent is True for item in items])),
    }
