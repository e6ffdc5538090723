"""From a reading to a reward, and the bounds of a rubric's rewards. Pure functions.

Not for readings themselves (``readouts.py``).
"""

from __future__ import annotations

import math

from reward_client.rubric import (
    AffineMap,
    DistanceMap,
    ExpectationReadout,
    NumberReadout,
    RewardMap,
    Rubric,
    WeightsMap,
)
from reward_server.reading.readouts import Reading


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


def bounds_of(rubric: Rubric) -> tuple[float, float]:
    """Smallest and largest reward that a rubric can give.

    Returns:
        Low and high; infinite where nothing bounds them.
    """
    low, high = _unclipped_bounds(rubric)
    if rubric.reward.clip is None:
        return low, high
    least, most = rubric.reward.clip
    return min(max(low, least), most), min(max(high, least), most)


def _unclipped_bounds(rubric: Rubric) -> tuple[float, float]:
    reward_map = rubric.reward
    if isinstance(reward_map, WeightsMap):
        return min(reward_map.weights.values()), max(reward_map.weights.values())
    if not isinstance(reward_map, AffineMap):
        return 0.0, 1.0
    if reward_map.scale == 0.0:  # times an infinite value it would be undefined
        return reward_map.offset, reward_map.offset
    ends = [reward_map.scale * value + reward_map.offset for value in _value_bounds(rubric)]
    return min(ends), max(ends)


def _value_bounds(rubric: Rubric) -> tuple[float, float]:
    if isinstance(rubric.readout, NumberReadout):
        return -math.inf, math.inf
    if isinstance(rubric.readout, ExpectationReadout):
        values = [float(label) for label in rubric.readout.labels]
        return min(values), max(values)
    return 0.0, 1.0
