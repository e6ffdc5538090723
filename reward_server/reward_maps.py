"""From a reading to a reward. Pure functions.

Not for readings themselves (``readouts.py``).
"""

from __future__ import annotations

import math

from reward_client.schema import DistanceMap, RewardMap, WeightsMap
from reward_server.readouts import Reading


def reward_of(reward_map: RewardMap, reading: Reading) -> float:
    """Maps a reading to its reward.

    Args:
        reward_map: fits the reading's readout (``Rubric`` checks it).
        reading: what the model's answer says.

    Returns:
        The reward: in [0, 1] for distance and probability maps, between the smallest and the largest
        weight for weights.
    """
    if isinstance(reward_map, WeightsMap):
        return math.fsum(w * reading.probabilities[label] for label, w in reward_map.weights.items())
    if reading.value is None:
        raise ValueError(f"the map {reward_map.type!r} needs a value, and this reading has none")
    if isinstance(reward_map, DistanceMap):
        return 1.0 - min(abs(reading.value - reward_map.target) / reward_map.tolerance, 1.0)
    return reading.value
