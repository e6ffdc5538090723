"""The smallest and the largest reward that a rubric can give. Pure functions.

Not for rewards themselves: the server makes them (``reward_server/reading/reward_maps.py``).
"""

from __future__ import annotations

import math

from reward_client.rubric import AffineMap, ExpectationReadout, NumberReadout, Rubric, WeightsMap


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
    if rubric.correction is not None:  # level beyond its ends
        return rubric.correction[0][1], rubric.correction[-1][1]
    if isinstance(rubric.readout, NumberReadout):
        return -math.inf, math.inf
    if isinstance(rubric.readout, ExpectationReadout):
        values = [float(label) for label in rubric.readout.labels]
        return min(values), max(values)
    return 0.0, 1.0
