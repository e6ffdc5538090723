"""The answers to a sweep, made from arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reward_audit.findings import Answered

Floats = NDArray[np.float64]


def swept(
    read: Floats,
    true: Floats,
    *,
    period: float | None = None,
    label_mass: Floats | None = None,
    entropy: Floats | None = None,
) -> Answered:
    """Answers of which only what was read is looked at."""
    count = len(read)
    none = np.full(count, np.nan)
    return Answered(
        rewards=np.zeros(count),
        oracle=np.zeros(count),
        values=read,
        truth=true,
        period=period,
        answers=["5"] * count,
        states=np.arange(count),
        visited=np.zeros(count, dtype=bool),
        label_mass=none if label_mass is None else label_mass,
        entropy=none if entropy is None else entropy,
    )
