"""Are the values that were read right, in the truth's unit?

``read`` and ``true`` are float arrays ``(N,)``, NaN where nothing was read; such samples are left out.
``period`` is after which a value is the same again (360 for an angle in degrees): errors then go the short
way round. Not for order alone: that is ``ranking``.
"""

from __future__ import annotations

import numpy as np

from reward_audit.measures.pairs import Floats, scored

_CANDIDATES = 201
"""Constants that are tried for ``best_constant_error``: quantiles of what is true."""

_ROWS = 256
"""Of a table of distances that are in memory at a time."""


def errors(read: Floats, true: Floats, period: float | None = None) -> Floats:
    """What was read minus what is true, of the samples that were read.

    Returns:
        ``(M,)``, M ≤ N; with a period within ±period/2.

    >>> errors(np.array([-179.0, np.nan]), np.array([179.0, 0.0]), 360.0).tolist()
    [2.0]
    """
    read, true = scored(read, true)
    return _short_way(read - true, period)


def mean_absolute_error(read: Floats, true: Floats, period: float | None = None) -> float | None:
    """Mean size of the errors, in the values' unit; None where nothing was read."""
    found = errors(read, true, period)
    return float(np.abs(found).mean()) if len(found) else None


def bias(read: Floats, true: Floats, period: float | None = None) -> float | None:
    """Mean of the errors with their signs, in the values' unit; None where nothing was read.

    With a period it is the mean of errors that go the short way round, which is meaningful while most of them
    are well below half a period.
    """
    found = errors(read, true, period)
    return float(found.mean()) if len(found) else None


def best_constant_error(true: Floats, period: float | None = None) -> float | None:
    """The mean absolute error of the best constant: of a reader that sees nothing and knows what is usual.

    That constant is the median. With a period it is searched for among quantiles of what is true, which
    misses the best one by less than their spacing. None where there is no sample.
    """
    (true,) = scored(true)
    if not len(true):
        return None
    if period is None:
        return float(np.abs(true - np.median(true)).mean())
    candidates: Floats = np.asarray(np.quantile(true, np.linspace(0, 1, _CANDIDATES)), dtype=np.float64)
    return float(_distances(candidates, true, period).min())


def skill(read: Floats, true: Floats, period: float | None = None) -> float | None:
    """1 - mean absolute error / that of the best constant. 1 is perfect, 0 no better than to see nothing.

    Both errors are of the samples that were read. A skill score as in Murphy, "Skill scores based on the mean
    square error", Monthly Weather Review 116 (1988), with absolute errors.

    Returns:
        At most 1, without a lower end; None where nothing was read, or where the truth is constant.
    """
    read, true = scored(read, true)
    least = best_constant_error(true, period)
    error = mean_absolute_error(read, true, period)
    return None if not least or error is None else 1.0 - error / least


def agreement(read: Floats, true: Floats, period: float | None = None) -> float | None:
    """Agreement beyond chance: 1 - mean absolute error / that of the same readings dealt to frames at random.

    1 is perfect and 0 is chance, whatever the readings are like: a constant has 0, and so has a blind reader
    that knows how often each value occurs. Below 0 the readings run against the truth. All pairs of a reading
    and a truth stand for the dealing, so nothing is drawn.

    Source: Cohen, "Weighted kappa", Psychological Bulletin 70 (1968), with linear weights.

    Returns:
        At most 1; None where nothing was read, or where readings and truth are one and the same constant.
    """
    read, true = scored(read, true)
    if not len(read):
        return None
    by_chance = float(_distances(read, true, period).mean())
    error = float(np.abs(_short_way(read - true, period)).mean())
    return 1.0 - error / by_chance if by_chance else None


def side_accuracy(read: Floats, true: Floats, beyond: float) -> float | None:
    """Share of the samples with ``|true| > beyond`` that were read on the side of 0 on which they are.

    A reading of exactly 0 names no side and is wrong. None where no sample is beyond.

    Args:
        read: ``(N,)``.
        true: ``(N,)``.
        beyond: at least 0, in the values' unit; nearer to 0 the side does not matter.
    """
    read, true = scored(read, true)
    aside = np.abs(true) > beyond
    return float((np.sign(read[aside]) == np.sign(true[aside])).mean()) if aside.any() else None


def _distances(constants: Floats, true: Floats, period: float | None) -> Floats:
    """Of each constant ``(K,)`` the mean distance to all of ``true``: ``(K,)``."""
    rows = [constants[start : start + _ROWS, None] for start in range(0, len(constants), _ROWS)]
    return np.concatenate([np.abs(_short_way(some - true, period)).mean(axis=1) for some in rows])


def _short_way(differences: Floats, period: float | None) -> Floats:
    if period is None:
        return differences
    return (differences + period / 2) % period - period / 2
