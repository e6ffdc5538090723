"""Chooses when a rubric had better give no reward: limits on label mass and entropy for a stated error.

Not for correcting values (``calibration.py``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from reward_audit.findings import Answered
from reward_audit.measures import values
from reward_audit.measures.pairs import Floats
from reward_audit.mending.calibration import CHOOSING, HELD_OUT, third_of
from reward_audit.mending.corrections import Knots, corrected

MIN_KEPT = 30
"""Frames that limits must keep where they are chosen: the mean error of fewer says little."""

ONE_SIDED_95 = 1.645
"""Standard errors that are added to the mean error where limits are chosen. Without them the best of many
limits keeps the stated error there and, half of the time, not on other frames."""

STEPS = 40
"""Limits that are tried on each of the two: quantiles of what was measured."""

DIGITS = 6
"""Behind the point of a limit; it is rounded to the side on which no frame is lost."""


@dataclass(frozen=True)
class Abstention:
    """What came of looking for limits.

    Attributes:
        at_error: the mean absolute error that was asked for, in the values' unit.
        min_label_mass: the limit; None where there is none to set.
        max_entropy: the limit; None where there is none to set.
        frames: in the two thirds that were used, scored or not: ``choosing``, ``held_out``.
        before: ``error`` and ``coverage`` on frames held out as the rubric is; the coverage is the share of
            frames with a reward.
        after: the same with the limits; None where no limits were found, or none are needed.
        told: the same in a sentence.
    """

    at_error: float
    min_label_mass: float | None
    max_entropy: float | None
    frames: dict[str, int]
    before: dict[str, float | None]
    after: dict[str, float | None] | None
    told: str


@dataclass(frozen=True)
class _Limits:
    mass: float | None = None
    entropy: float | None = None

    def keep(self, part: _Part) -> NDArray[np.bool_]:
        kept = ~np.isnan(part.errors)
        if self.mass is not None:
            kept &= part.mass >= self.mass
        if self.entropy is not None:
            kept &= part.entropy <= self.entropy
        return kept


@dataclass(frozen=True)
class _Part:
    """Of one third of the frames, ``(M,)`` each: sizes of errors, NaN where null, and the two shares."""

    errors: Floats
    mass: Floats
    entropy: Floats

    def outcome(self, limits: _Limits) -> dict[str, float | None]:
        kept = limits.keep(self)
        error = float(self.errors[kept].mean()) if kept.any() else None
        return {"error": error, "coverage": float(kept.mean())}


def abstain(sweep: Answered, knots: Knots | None, at_error: float, unit: str) -> Abstention:
    """Looks for the limits that keep most frames at a mean error, and measures them on frames held out.

    Args:
        sweep: the answers to the states as they are.
        knots: the correction that the rubric will have; None for none.
        at_error: mean absolute error that may be left, in the values' unit; above 0.
        unit: of the values.
    """
    parts = _parts(sweep, knots)
    if parts is None:
        told = "No limits were looked for: the rubric reads no value that the task knows."
        return Abstention(at_error, None, None, {}, {}, None, told)
    choosing, held_out = parts
    frames = {"choosing": len(choosing.errors), "held_out": len(held_out.errors)}
    before = held_out.outcome(_Limits())
    limits = _widest(choosing, at_error)
    if limits == _Limits() or limits is None:
        why = "Every answer may stay" if limits else _why_none(choosing, at_error, unit)
        told = f"{why}: {_figures(before, unit)} on {frames['held_out']} frames held out."
        return Abstention(at_error, None, None, frames, before, None, told)
    after = held_out.outcome(limits)
    holds = after["error"] is not None and after["error"] <= at_error
    told = (
        f"With {_limits_in_words(limits)} the rubric keeps to a mean error of {at_error:g} {unit}"
        f"{'' if holds else ' where they were chosen, but not on other frames, so they are not used'}: "
        f"{_figures(after, unit)} on {frames['held_out']} frames held out, after {_figures(before, unit)}; "
        f"chosen on {frames['choosing']}."
    )
    chosen = limits if holds else _Limits()
    return Abstention(at_error, chosen.mass, chosen.entropy, frames, before, after, told)


def _parts(sweep: Answered, knots: Knots | None) -> tuple[_Part, _Part] | None:
    if sweep.values is None or sweep.truth is None:
        return None
    read = sweep.values if knots is None else corrected(sweep.values, knots)
    errors = np.full(len(read), np.nan)
    errors[~np.isnan(read)] = np.abs(values.errors(read, sweep.truth, sweep.period))
    thirds = third_of(len(read))
    choosing, held_out = (
        _Part(errors[thirds == part], sweep.label_mass[thirds == part], sweep.entropy[thirds == part])
        for part in (CHOOSING, HELD_OUT)
    )
    return choosing, held_out


def _widest(part: _Part, at_error: float) -> _Limits | None:
    """The limits that keep most frames with an error that is safely small; none at all where that will do."""
    best, most = None, 0
    for mass, entropy in product(_lower_limits(part.mass), _lower_limits(-part.entropy)):
        limits = _Limits(mass, None if entropy is None else -entropy)
        kept = part.errors[limits.keep(part)]
        if len(kept) < MIN_KEPT or len(kept) <= most:
            continue
        if kept.mean() + ONE_SIDED_95 * kept.std(ddof=1) / math.sqrt(len(kept)) <= at_error:
            best, most = limits, len(kept)
    return best


def _lower_limits(measured: Floats) -> list[float | None]:
    """No limit, and lower limits of rising strictness."""
    there = measured[~np.isnan(measured)]
    if not len(there):
        return [None]
    steps = np.unique(np.quantile(there, np.linspace(0, 1, STEPS, endpoint=False)))
    return [None, *(math.floor(step * 10**DIGITS) / 10**DIGITS for step in steps)]


def _why_none(part: _Part, at_error: float, unit: str) -> str:
    if np.isnan(part.mass).all() and np.isnan(part.entropy).all():
        return "There is no limit to set, since an answer in text has neither label mass nor entropy"
    return f"No limits on label mass and entropy keep to a mean error of {at_error:g} {unit}"


def _limits_in_words(limits: _Limits) -> str:
    words = []
    if limits.mass is not None:
        words.append(f"a label mass of at least {limits.mass:g}")
    if limits.entropy is not None:
        words.append(f"an entropy of at most {limits.entropy:g}")
    return " and ".join(words)


def _figures(outcome: dict[str, float | None], unit: str) -> str:
    error, coverage = outcome["error"], outcome["coverage"] or 0.0
    mean = "no mean error" if error is None else f"a mean error of {error:.3g} {unit}"
    return f"{mean} and {100 * coverage:.0f} % of frames with a reward"
