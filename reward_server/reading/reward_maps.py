"""From what was read to a corrected value, and from there to a reward. Pure functions.

Not for readings themselves (``readouts.py``) or for bounds (``reward_client/wording/reward_bounds.py``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from reward_client.rubric import AffineMap, DistanceMap, RewardMap, WeightsMap
from reward_server.reading.readouts import Reading


def corrected(value: float, knots: Sequence[tuple[float, float]]) -> float:
    """What a rubric's correction makes of a value that was read.

    Args:
        value: finite.
        knots: ``(read, true)``, rising in what is read; at least two.

    Returns:
        On the straight line between the two knots around the value; beyond the knots that of the last one.

    >>> corrected(2.5, [(0.0, -5.0), (5.0, 5.0)]), corrected(99.0, [(0.0, -5.0), (5.0, 5.0)])
    (0.0, 5.0)
    """
    read, true = zip(*knots, strict=True)
    found = float(np.interp(value, read, true))
    return min(max(found, knots[0][1]), knots[-1][1])  # rounding may leave the range by a bit


def reward_of(reward_map: RewardMap, reading: Reading) -> float:
    """Maps a reading to its reward.

    Args:
        reward_map: fits the reading's readout (``Rubric`` checks it).
        reading: what the model's answer says.

    Returns:
        The reward, within ``bounds_of`` the rubric.

    Raises:
        OverflowError: the reward is not finite.
    """
    reward = _unclipped(reward_map, reading)
    if reward_map.clip is not None:
        low, high = reward_map.clip
        reward = min(max(reward, low), high)
    if not math.isfinite(reward):
        raise OverflowError("the reward is not finite")
    return reward


def _unclipped(reward_map: RewardMap, reading: Reading) -> float:
    if isinstance(reward_map, WeightsMap):
        if reading.probabilities is None:
            raise ValueError("the map 'weights' needs probabilities, and this reading has none")
        low, high = min(reward_map.weights.values()), max(reward_map.weights.values())
        mean = math.fsum(w * reading.probabilities[label] for label, w in reward_map.weights.items())
        return min(max(mean, low), high)  # rounding may leave the range by a bit
    if reading.value is None:
        raise ValueError(f"the map {reward_map.type!r} needs a value, and this reading has none")
    if isinstance(reward_map, AffineMap):
        return reward_map.scale * reading.value + reward_map.offset
    if isinstance(reward_map, DistanceMap):
        return _nearness(reward_map, abs(reading.value - reward_map.target) / reward_map.tolerance)
    return reading.value


def _nearness(reward_map: DistanceMap, distance: float) -> float:
    if reward_map.shape == "linear":
        return 1.0 - min(distance, 1.0)
    if reward_map.shape == "quadratic":
        return 1.0 - min(distance, 1.0) ** 2
    return math.exp(-0.5 * min(distance, 1e6) ** 2)  # beyond, the square could overflow; it is 0 long before
