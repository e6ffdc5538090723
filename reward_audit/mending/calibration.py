"""Chooses the correction of a rubric's values that helps on frames held out, if any does.

A reader that is off by an offset, or by a distortion that keeps the order, can be mended without training.
Not for readers that are noisy or blind: no map of their readings mends those.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reward_audit.findings import Answered
from reward_audit.judging.thresholds import SKILL_USABLE
from reward_audit.measures import values
from reward_audit.measures.pairs import Floats
from reward_audit.mending.corrections import Knots, bias_correction, corrected, isotonic_correction
from reward_client.rubric import ExpectationReadout, NumberReadout, Rubric

FITTED, CHOOSING, HELD_OUT = 0, 1, 2
"""The thirds of the frames: a correction is fitted on the first, chosen on the second, and told by the third,
which it never saw."""

MIN_FRAMES = 50
"""Read frames in each third below which nothing is fitted."""

MUST_GAIN = 0.1
"""Share of the error that a correction must take away, where it is chosen and on frames held out."""


@dataclass(frozen=True)
class Calibration:
    """What came of looking for a correction.

    Attributes:
        correction: ``bias`` or ``isotonic``, where one helps; else None.
        knots: of it.
        frames: that were read, in each third: ``fitted``, ``choosing``, ``held_out``.
        errors: mean absolute error on frames held out, in the values' unit, with no correction (``none``) and
            with each.
        constant_error: on the same frames, of the best reader that sees nothing.
        told: the same in a sentence.
    """

    correction: str | None
    knots: Knots | None
    frames: dict[str, int]
    errors: dict[str, float]
    constant_error: float | None
    told: str


def third_of(count: int) -> NDArray[np.int64]:
    """Which third each frame of a sweep is in, ``(N,)``: in turn, so that all are alike."""
    return np.arange(count, dtype=np.int64) % 3


def calibrate(sweep: Answered, rubric: Rubric, unit: str) -> Calibration:
    """Looks for a correction.

    Args:
        sweep: the answers to the states as they are.
        rubric: that was asked.
        unit: of its values.
    """
    reason = _not_applicable(sweep, rubric)
    if reason or sweep.values is None or sweep.truth is None:
        return Calibration(None, None, {}, {}, None, f"No correction was looked for: {reason}.")
    there = ~np.isnan(sweep.values)
    read, thirds = sweep.values[there], third_of(len(there))[there]
    # the truth, on the side of a period's end on which the reading is
    true = read - values.errors(sweep.values, sweep.truth, sweep.period)
    counted = [int(np.count_nonzero(thirds == part)) for part in (FITTED, CHOOSING, HELD_OUT)]
    frames = dict(zip(("fitted", "choosing", "held_out"), counted, strict=True))
    if min(counted) < MIN_FRAMES or np.ptp(read[thirds == FITTED]) == 0:
        why = f"{3 * MIN_FRAMES} frames with readings that differ are needed, and there are {len(read)}"
        return Calibration(None, None, frames, {}, None, f"No correction was looked for: {why}.")
    candidates = _candidates(read[thirds == FITTED], true[thirds == FITTED], _ends(rubric, read))
    choosing, held_out = (
        _errors(read[thirds == part], true[thirds == part], candidates, sweep.period)
        for part in (CHOOSING, HELD_OUT)
    )
    constant = values.best_constant_error(true[thirds == HELD_OUT], sweep.period)
    best = min(candidates, key=lambda name: choosing[name], default="none")
    gains = all(errors[best] <= (1 - MUST_GAIN) * errors["none"] for errors in (choosing, held_out))
    reads = held_out[best] <= (1 - SKILL_USABLE) * (constant or 0.0)
    told = _told(held_out, best, gains, reads, frames, constant or 0.0, unit)
    if not gains or not reads:
        return Calibration(None, None, frames, held_out, constant, told)
    return Calibration(best, candidates[best], frames, held_out, constant, told)


def _not_applicable(sweep: Answered, rubric: Rubric) -> str | None:
    """Why a rubric has nothing to correct; None where it may have."""
    if sweep.values is None or not isinstance(rubric.readout, NumberReadout | ExpectationReadout):
        return "the rubric reads no value that the task knows"
    if rubric.correction is not None:
        return "the rubric has one; calibrate the rubric that it was made from"
    return None


def _ends(rubric: Rubric, read: Floats) -> tuple[float, float]:
    """The lowest and the highest reading: those that the labels allow, else those that were seen."""
    if isinstance(rubric.readout, ExpectationReadout):
        read = np.array([float(label) for label in rubric.readout.labels])
    return float(read.min()), float(read.max())


def _candidates(read: Floats, true: Floats, ends: tuple[float, float]) -> dict[str, Knots]:
    found = {"bias": bias_correction(read, true, ends), "isotonic": isotonic_correction(read, true)}
    return {name: knots for name, knots in found.items() if knots is not None}


def _errors(
    read: Floats, true: Floats, candidates: dict[str, Knots], period: float | None
) -> dict[str, float]:
    """Mean absolute error without a correction, and with each."""
    mended = {"none": read, **{name: corrected(read, knots) for name, knots in candidates.items()}}
    return {name: float(np.abs(values.errors(some, true, period)).mean()) for name, some in mended.items()}


def _told(
    errors: dict[str, float],
    best: str,
    gains: bool,
    reads: bool,
    frames: dict[str, int],
    constant: float,
    unit: str,
) -> str:
    others = ", ".join(f"{name} {error:.3g}" for name, error in errors.items() if name != "none")
    figures = (
        f"the mean error is {errors['none']:.3g} {unit} as read ({others}) on {frames['held_out']} frames "
        f"held out; fitted on {frames['fitted']}, chosen on {frames['choosing']}"
    )
    if not gains:
        return f"No correction takes away {100 * MUST_GAIN:.0f} % of the error: {figures}."
    if not reads:
        return (
            f"The errors differ from frame to frame, which no correction mends: {figures}; seeing nothing "
            f"has {constant:.3g}."
        )
    return f"The correction {best} helps: {figures}."
