"""The lowest reward that a rubric can give, which ``--null-terminal lower_bound`` learns from.

Not for when it is learned (``train.py``).
"""

from __future__ import annotations

import math

from agent.config import ConfigError
from reward_client import RewardClient
from reward_client.reward_bounds import bounds_of
from reward_client.rubric import Rubric


def lower_bound_of(question: str | Rubric, client: RewardClient) -> float:
    """The lowest reward of what is asked.

    Args:
        question: the name of a rubric of the server, or a whole rubric.
        client: of the server, which says the bounds of its own rubrics, and of no others.

    Raises:
        ConfigError: there is none.
        RewardServiceError: the server could not be asked.
    """
    low = client.rubric(question).reward_bounds.low if isinstance(question, str) else bounds_of(question)[0]
    if low is None or not math.isfinite(low):
        raise ConfigError(
            "--null-terminal lower_bound: nothing bounds the rewards of this rubric from below; give its "
            "reward map a clip"
        )
    return low
