"""The lowest reward that a rubric can give, which ``--null-terminal lower_bound`` learns from.

Not for when it is learned (``train.py``).
"""

from __future__ import annotations

import math

from agent.config import ConfigError
from reward_client import RewardClient
from reward_client.rubric import AffineMap, ExpectationReadout, NumberReadout, Rubric, WeightsMap


def lower_bound_of(question: str | Rubric, client: RewardClient) -> float:
    """The lowest reward of what is asked.

    Args:
        question: the name of a rubric of the server, or a whole rubric.
        client: of the server, which says the bounds of its own rubrics, and of no others.

    Raises:
        ConfigError: there is none.
        RewardServiceError: the server could not be asked.
    """
    low = client.rubric(question).reward_bounds.low if isinstance(question, str) else lowest_reward(question)
    if low is None or not math.isfinite(low):
        raise ConfigError(
            "--null-terminal lower_bound: nothing bounds the rewards of this rubric from below; give its "
            "reward map a clip"
        )
    return low


def lowest_reward(rubric: Rubric) -> float:
    """The lowest reward that a rubric can give; -inf where nothing bounds it.

    The server says the same of its own rubrics (``reward_server/reading/reward_maps.py``), which a test
    holds this to.
    """
    low = _unclipped(rubric)
    clip = rubric.reward.clip
    return low if clip is None else min(max(low, clip[0]), clip[1])


def _unclipped(rubric: Rubric) -> float:
    reward_map, readout = rubric.reward, rubric.readout
    if isinstance(reward_map, WeightsMap):
        return min(reward_map.weights.values())
    if not isinstance(reward_map, AffineMap):
        return 0.0
    if reward_map.scale == 0.0:  # times an infinite value it would be undefined
        return reward_map.offset
    if isinstance(readout, NumberReadout):
        return -math.inf
    ends = (
        [float(label) for label in readout.labels] if isinstance(readout, ExpectationReadout) else [0.0, 1.0]
    )
    return min(reward_map.scale * value + reward_map.offset for value in ends)
