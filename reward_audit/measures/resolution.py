"""What can the reward tell apart? The noise of asking twice, against what it has to tell apart.

``retest`` is a float array ``(M, 2)``: the same M frames scored twice, as they are, mirrored, or encoded
anew; NaN where null, and such frames are left out. Noise that repeats itself, since the model answers the
same frame alike, is not seen here but in the errors (``values``).
"""

from __future__ import annotations

import numpy as np

from reward_audit.measures.pairs import MIN_SAMPLES, Floats, scored


def test_retest_noise(retest: Floats) -> float | None:
    """Standard deviation of one scoring: √(Σ d² / 2M), with d the difference of a frame's two rewards.

    A difference that both scorings of all frames have, such as of mirrored from plain, counts as noise.

    Source: Bland and Altman, "Measurement error", BMJ 313 (1996): the within-subject standard deviation.

    Returns:
        In the reward's unit; None for fewer than three frames.

    Raises:
        ValueError: the array is not ``(M, 2)``.
    """
    first, second = _twice(retest)
    if len(first) < MIN_SAMPLES:
        return None
    return float(np.sqrt(np.square(first - second).mean() / 2))


def reliability(retest: Floats) -> float | None:
    """Share of the rewards' variance that is not noise: 1 - noise² / variance, at most 1.

    Source: the intraclass correlation of Shrout and Fleiss, Psychological Bulletin 86 (1979), in its form for
    large M.

    Returns:
        None for fewer than three frames, and where all rewards are the same.
    """
    first, second = _twice(retest)
    noise, both = test_retest_noise(retest), np.concatenate([first, second])
    if noise is None or np.ptp(both) == 0:
        return None
    return 1.0 - noise**2 / float(np.var(both, ddof=1))


def resolution(retest: Floats, neighbours: Floats) -> float | None:
    """How many neighbouring states apart frames must be for their rewards to differ by as much as the noise.

    Test-retest noise over the mean gap between neighbouring states' rewards. Below 1 neighbours can be told
    apart; at 10 only frames ten states apart can. What neighbours are is the caller's choice: frames one step
    apart in an episode say most to a learner.

    Args:
        retest: ``(M, 2)``.
        neighbours: ``(K, 2)`` rewards of neighbouring states, without noise: the oracle's. NaN where there is
            none.

    Returns:
        At least 0; None where the noise is undefined, or neighbours have no gap.
    """
    noise = test_retest_noise(retest)
    one, other = _twice(neighbours)
    gap = float(np.abs(one - other).mean()) if len(one) else 0.0
    return None if noise is None or gap == 0 else noise / gap


def _twice(rewards: Floats) -> tuple[Floats, ...]:
    if rewards.ndim != 2 or rewards.shape[1] != 2:
        raise ValueError(f"pairs of rewards are needed, (M, 2), not {rewards.shape}")
    return scored(rewards[:, 0], rewards[:, 1])
