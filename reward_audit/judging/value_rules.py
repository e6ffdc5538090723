"""Whether the values that were read are right, in the truth's unit: the rules, in their order.

Where a rubric reads no value, its rewards are held against the oracle's. Not for the limits (``thresholds``)
and not for order (``ranking_rules``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from reward_audit.judging import thresholds as limits
from reward_audit.judging.evidence import PART_WORDS, Evidence, Judgement, Name, parts
from reward_audit.judging.null_bands import band_gap
from reward_audit.measures import answers, values
from reward_audit.measures.pairs import Floats

Found = tuple[Name, str] | None

_SAME = 1e-9
"""Spread of readings relative to their size below which no line goes through them."""


@dataclass(frozen=True)
class Readings:
    """The readings of one part of the frames, without those that are null.

    Attributes:
        words: where that is.
        read: ``(M,)``.
        true: ``(M,)``.
        period: of both; None for none.
        scale: mean absolute error, over all frames, of the best constant.
        varied: whether what is true differs enough here to show whether readings follow it.
    """

    words: str
    read: Floats
    true: Floats
    period: float | None
    scale: float
    varied: bool

    @property
    def skill(self) -> float:
        """1 minus the mean absolute error over that of the best constant for all frames."""
        error = values.mean_absolute_error(self.read, self.true, self.period)
        return 1.0 - (error or 0.0) / self.scale

    @property
    def calibrated_skill(self) -> float:
        """The skill after the best straight line through the readings."""
        # The truth, on the side of a period's end on which the reading is.
        true = self.read - values.errors(self.read, self.true, self.period)
        if np.ptp(self.read) <= _SAME * np.abs(self.read).max():
            read = np.full_like(self.read, true.mean())
        else:
            line = stats.linregress(self.read, true)
            read = line.slope * self.read + line.intercept
        error = values.mean_absolute_error(read, true)
        return 1.0 - (error or 0.0) / self.scale

    @property
    def agreement(self) -> float:
        """Agreement beyond chance."""
        return values.agreement(self.read, self.true, self.period) or 0.0

    def same(self, numbers: Floats) -> list[float]:
        """Values as whole numbers of steps up to which two of them are the same."""
        span = min(self.period or float("inf"), float(np.ptp(self.true))) or 1.0
        return [float(step) for step in np.round(numbers / (limits.SAME_READING * span))]


def judge_values(evidence: Evidence) -> Judgement:
    """The conclusion on the values read: of the first rule that applies."""
    if evidence.values is None or evidence.truth is None:
        read, true, period = evidence.rewards, evidence.oracle, None
    else:
        read, true, period = evidence.values, evidence.truth, evidence.period
    there = ~np.isnan(read)
    numbers = {"frames": float(len(read)), "scored": float(there.sum())}
    scale = values.best_constant_error(true, period) if len(true) else None
    unscored = answers.share_unscored(read)
    if found := _too_little(there, true, scale, unscored):
        return Judgement(*found, numbers)
    readings = {}
    for name, frames in parts(evidence).items():
        kept = frames & there
        if name == "all" or kept.sum() >= limits.MIN_PART_FRAMES:
            spread = values.best_constant_error(true[kept], period) or 0.0
            varied = spread >= limits.MIN_SPREAD * (scale or 0.0)
            readings[name] = Readings(PART_WORDS[name], read[kept], true[kept], period, scale or 1.0, varied)
    verdict, rule = next(found for rule in RULES if (found := rule(readings)))
    if not there.all():
        rule += f"; {1 - there.mean():.0%} of the readings are null and not judged"
    everywhere = readings["all"]
    measured = {
        "mean_absolute_error": values.mean_absolute_error(read, true, period),
        "bias": values.bias(read, true, period),
        "best_constant_error": scale,
        "calibrated_skill": everywhere.calibrated_skill,
        "unscored_share": unscored,
    }
    for name, part in readings.items():
        measured |= {f"{name}_skill": part.skill, f"{name}_agreement": part.agreement}
    numbers |= {name: number for name, number in measured.items() if number is not None}
    return Judgement(verdict, rule, numbers)


def _too_little(there: NDArray[np.bool_], true: Floats, scale: float | None, unscored: float | None) -> Found:
    """As for the ranking, with bands of what is true."""
    if unscored is not None and unscored > limits.MAX_UNSCORED:
        return "cannot tell", f"{unscored:.0%} of the readings are null (at most {limits.MAX_UNSCORED:.0%})"
    if there.sum() < limits.MIN_FRAMES:
        return "cannot tell", f"{there.sum()} frames were read (at least {limits.MIN_FRAMES})"
    gap = band_gap(there, true)
    if gap >= limits.MAX_BAND_GAP:
        return "cannot tell", (
            "the nulls leave out states of one kind: their share differs by "
            f"{gap:.0%} between quarters of the frames, ordered by what is true "
            f"(limit {limits.MAX_BAND_GAP:.0%})"
        )
    if not scale:
        return "cannot tell", "what is true is the same in all frames"
    return None


def saturated(readings: dict[str, Readings]) -> Found:
    """Some readings stand for many different truths, and the rest is read well."""
    part = readings["all"]
    steps = np.array(part.same(part.read))
    flat = np.zeros(len(steps), dtype=bool)
    for step, count in Counter(steps.tolist()).items():
        here = steps == step
        if count >= limits.PLATEAU_SHARE * len(steps):
            spread = values.best_constant_error(part.true[here], part.period) or 0.0
            flat |= here & (spread >= limits.MIN_SPREAD * part.scale)
    share, rest = float(flat.mean()), ~flat
    if share < limits.PLATEAUS_SATURATED or rest.mean() < limits.MIN_ORDERED:
        return None
    error = values.mean_absolute_error(part.read[rest], part.true[rest], part.period) or 0.0
    if 1 - error / part.scale < limits.SKILL_USABLE:
        return None
    return "saturated", (
        f"{share:.0%} of the frames have readings that stand for many different truths (limit "
        f"{limits.PLATEAUS_SATURATED:.0%}); the others are read with a mean error of {error:.2g}"
    )


def same_for_all(readings: dict[str, Readings]) -> Found:
    """One or two readings stand for nearly all frames."""
    for part in readings.values():
        if not part.varied:
            continue
        share, truly = (_two_most_frequent(part.same(numbers)) for numbers in (part.read, part.true))
        if share >= limits.MODE_COLLAPSED > truly:
            return "collapsed", (
                f"two readings at most stand for {share:.0%} of the frames {part.words} "
                f"(limit {limits.MODE_COLLAPSED:.0%})"
            )
    return None


def against_the_truth(readings: dict[str, Readings]) -> Found:
    """Readings run against the truth."""
    for part in readings.values():
        if part.varied and part.agreement <= -limits.AGREEMENT_UNGROUNDED:
            return "inverted", (
                f"agreement beyond chance is {part.agreement:.2f} {part.words} "
                f"(limit -{limits.AGREEMENT_UNGROUNDED})"
            )
    return None


def off_by_a_line(readings: dict[str, Readings]) -> Found:
    """A straight line through the readings would make them good enough."""
    part = readings["all"]
    raw, straight = part.skill, part.calibrated_skill
    for limit in (limits.SKILL_USABLE, limits.SKILL_TRUSTWORTHY):
        if raw < limit <= straight and straight - raw >= limits.SKILL_GAIN:
            offset = values.bias(part.read, part.true, part.period) or 0.0
            return "biased", (
                f"the skill is {raw:.2f}, and would be {straight:.2f} after a straight line through the "
                f"readings; the mean error is {offset:+.2g}"
            )
    return None


def unrelated(readings: dict[str, Readings]) -> Found:
    """Readings have nothing to do with the truth: anywhere, or on visited states while the grid is right."""
    for name, part in readings.items():
        if name == "visited" and "grid" in readings and readings["grid"].agreement < limits.AGREEMENT_RIGHT:
            continue
        if part.varied and part.agreement < limits.AGREEMENT_UNGROUNDED:
            return "ungrounded", (
                f"agreement beyond chance is {part.agreement:.2f} {part.words} "
                f"(at least {limits.AGREEMENT_UNGROUNDED})"
            )
    return None


def far_off(readings: dict[str, Readings]) -> Found:
    """Errors are too large."""
    worst = min(readings.values(), key=lambda part: part.skill)
    if worst.skill >= limits.SKILL_USABLE:
        return None
    return "noisy", f"the skill is {worst.skill:.2f} {worst.words} (at least {limits.SKILL_USABLE})"


def good_enough(readings: dict[str, Readings]) -> Found:
    """Errors are small, or small enough."""
    worst = min(readings.values(), key=lambda part: part.skill)
    name: Name = "trustworthy" if worst.skill >= limits.SKILL_TRUSTWORTHY else "usable with care"
    if "visited" not in readings:
        return "usable with care", (
            f"the skill is {worst.skill:.2f}, but too few states that policies visit were asked about"
        )
    return name, f"the skill is {worst.skill:.2f} {worst.words} (trustworthy from {limits.SKILL_TRUSTWORTHY})"


RULES: tuple[Callable[[dict[str, Readings]], Found], ...] = (
    saturated,
    same_for_all,
    against_the_truth,
    off_by_a_line,
    unrelated,
    far_off,
    good_enough,
)
"""In this order: the first that applies decides. The last one always does."""


def _two_most_frequent(numbers: list[float]) -> float:
    return sum(count for _, count in Counter(numbers).most_common(2)) / len(numbers)
