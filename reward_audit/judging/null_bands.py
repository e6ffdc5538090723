"""Whether nulls leave out states of one kind: what the rules on rewards and on values both ask first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reward_audit.measures.pairs import Floats

_BANDS = 4
"""Quarters of the frames, in which nulls are counted."""


def band_gap(there: NDArray[np.bool_], truth: Floats) -> float:
    """Difference between the largest and the smallest share of nulls in a quarter of the frames.

    Args:
        there: ``(N,)``, False where null.
        truth: ``(N,)``, by which the frames are ordered.

    Returns:
        From 0 to 1; 0 where there are no frames.

    >>> band_gap(np.array([False, False, True, True]), np.arange(4.0))
    1.0
    """
    bands = np.array_split(np.argsort(truth, kind="stable"), _BANDS)
    shares = [1 - float(there[band].mean()) for band in bands if len(band)]
    return max(shares, default=0.0) - min(shares, default=0.0)
