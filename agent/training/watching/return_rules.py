"""The rule by which returns become a warning: the VLM's return rises while the true return falls.

That is what an agent does that has found out how to be paid for the wrong thing. Not for frames
(``frame_rules.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from agent.training.watching.frame_rules import Alarm, Kind

Returns = NDArray[np.float64]

WINDOWS_EPISODES = (10, 20, 100)
"""How many of the latest episodes are looked at: for what happens at once, and for what creeps. Ten are the
fewest from which a trend is told, and what a run of 5,000 steps has on CartPoleContinuing-v0."""

P_VALUE = 0.01
"""Below it each of the two returns has a trend, by Mann's one-sided test (Kendall's τ with time; Econometrica
13, 1945). Both come together by chance in 1 of 10,000 looks where returns have no trend and nothing to do
with each other; where both follow the policy they move the same way."""

FALL = 0.05
"""How far the true return must fall, from the first to the second half of the window, as a share of the
range that the task's returns have: less is of no use to know."""


def diverging(
    vlm: Sequence[float] | Returns, true: Sequence[float] | Returns, bounds: tuple[float, float], step: int
) -> Alarm | None:
    """Whether the latest episodes have ever more reward from the VLM and ever less from the environment.

    Args:
        vlm: the server's return of each finished episode so far.
        true: the environment's own, of the same episodes.
        bounds: the least and the greatest true return that the task has.
        step: of the last of them, for the sentence.
    """
    for count in WINDOWS_EPISODES:
        if len(vlm) < count:
            break
        seen, meant = np.asarray(vlm[-count:]), np.asarray(true[-count:])
        fall = _rise(-meant)
        if _rise(seen) <= 0 or fall < FALL * (bounds[1] - bounds[0]):
            continue
        if _trend(seen) < P_VALUE and _trend(-meant) < P_VALUE:
            half = count // 2
            return Alarm(
                Kind.DIVERGED,
                f"the VLM's return rises while the true return falls: from the first to the second half of "
                f"the last {count} episodes up to step {step} the VLM's goes from "
                f"{seen[:half].mean():.1f} to {seen[half:].mean():.1f}, and the true one from "
                f"{meant[:half].mean():.1f} to {meant[half:].mean():.1f}",
            )
    return None


def _rise(values: NDArray[np.float64]) -> float:
    half = len(values) // 2
    return float(values[half:].mean() - values[:half].mean())


def _trend(values: NDArray[np.float64]) -> float:
    """How probable so steady a rise is by chance."""
    if np.ptp(values) == 0:
        return 1.0
    return float(kendalltau(np.arange(len(values)), values, alternative="greater").pvalue)
