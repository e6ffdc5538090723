"""Monotone corrections from what a model reads to what is true, as the knots of a rubric. Pure functions.

Not for choosing among them (``calibration.py``).
"""

from __future__ import annotations

import numpy as np
from scipy import optimize

from reward_audit.measures.pairs import Floats
from reward_client.wording.rubric_fields import MAX_KNOT, MAX_KNOTS

Knots = list[tuple[float, float]]
"""``(read, true)``, rising in what is read: ``Rubric.correction``."""

FRAMES_PER_KNOT = 5
"""Readings that are averaged before a monotone map is fitted, where nearly all of them differ."""

DIGITS = 7
"""Significant digits of a knot."""


def corrected(read: Floats, knots: Knots) -> Floats:
    """What a correction makes of readings, as the server computes it: straight between knots, level beyond.

    Args:
        read: ``(N,)``; NaN stays NaN.
        knots: at least two.

    Returns:
        ``(N,)``.
    """
    at, to = np.array(knots, dtype=np.float64).T
    return np.asarray(np.interp(read, at, to), dtype=np.float64)


def bias_correction(read: Floats, true: Floats, ends: tuple[float, float]) -> Knots | None:
    """Moves every reading by the same: by the median error, which wild readings hardly move.

    Args:
        read: ``(N,)``, without NaN.
        true: ``(N,)``, without NaN.
        ends: the lowest and the highest reading that is corrected as such.

    Returns:
        Two knots; None where the ends are no range.
    """
    move = float(np.median(true - read))
    return _knots(np.array(ends), np.array(ends) + move)


def isotonic_correction(read: Floats, true: Floats) -> Knots | None:
    """The nearest map that never falls, by least squares, drawn through the middles of its level pieces.

    Source: Barlow et al., "Statistical inference under order restrictions", 1972
    (``scipy.optimize.isotonic_regression``); through the middles as in Oron and Flournoy, "Centered isotonic
    regression", Statistics in Biopharmaceutical Research 9 (2017), since a map with steps would tie readings
    that differ.

    Args:
        read: ``(N,)``, without NaN.
        true: ``(N,)``, without NaN.

    Returns:
        At most 64 knots; None where the map is level, so that a reading says nothing.

    >>> isotonic_correction(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 5.0, 3.0, 9.0]))
    [(0.0, 0.0), (1.5, 4.0), (3.0, 9.0)]
    """
    at, to, counts = _grouped(read, true)
    fitted = optimize.isotonic_regression(to, weights=counts)
    starts = fitted.blocks[:-1]
    weights = np.add.reduceat(counts, starts)
    return _knots(np.add.reduceat(at * counts, starts) / weights, fitted.x[starts])


def _grouped(read: Floats, true: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean reading, mean truth and number of frames of groups with neighbouring readings, ``(G,)`` each."""
    order = np.argsort(read, kind="stable")
    read, true = read[order], true[order]
    _, groups = np.unique(read, return_inverse=True)
    if groups[-1] >= MAX_KNOTS:  # too many different readings: groups of equal size, equal readings together
        size = max(FRAMES_PER_KNOT, -(-len(read) // MAX_KNOTS))
        first_of_equal = np.searchsorted(read, read)
        _, groups = np.unique(first_of_equal // size, return_inverse=True)
    counts = np.bincount(groups).astype(np.float64)
    return np.bincount(groups, read) / counts, np.bincount(groups, true) / counts, counts


def _knots(read: Floats, true: Floats) -> Knots | None:
    """Knots with few digits; None where fewer than two are left, or one is too large."""
    knots = Knots()
    for pair in zip(read, true, strict=True):
        at, to = (float(f"{number:.{DIGITS}g}") for number in pair)
        if not knots or at > knots[-1][0]:
            knots.append((at, to))
    if len(knots) < 2 or max(map(abs, (number for knot in knots for number in knot))) > MAX_KNOT:
        return None
    return knots
