"""The lowest reward that a rubric can give, which ``--null-terminal lower_bound`` learns from.

Not for when it is learned (``train.py``).
"""

from __future__ import annotations

import math

from agent.config import ConfigError
from reward_client.rubric import Rubric
from reward_client.wording.reward_bounds import bounds_of


def lower_bound_of(rubric: Rubric) -> float:
    """The lowest reward of a rubric.

    Raises:
        ConfigError: there is none.
    """
    low, _ = bounds_of(rubric)
    if not math.isfinite(low):
        raise ConfigError(
            "--null-terminal lower_bound: nothing bounds the rewards of this rubric from below; give its "
            "reward map a clip"
        )
    return low
