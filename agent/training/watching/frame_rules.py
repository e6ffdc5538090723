"""The rules by which the measures of windows and of nulls become warnings, each with its reason.

Most limits are those of an audit (``reward_audit/judging/thresholds.py``). Not for returns
(``return_rules.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.stats import mannwhitneyu

from agent.training.watching.window import BLOCKS, Look
from reward_audit.judging import thresholds as limits
from reward_audit.measures.ranking import kendall_tau_b, tau_beyond_chance

WORSE_ERROR = 2.0
"""How many times as large as at the run's beginning a reading error must be to be called drift. Twice is far
outside what the states of a policy that learns change in the error of a reader that stays as it is."""

NULL_FRAMES = tuple(50 * 2**doublings for doublings in range(12))
"""How many of the first answers to the wrong question are looked at: the largest number that is there. τ_b of
50 that mean nothing has a standard error of 0.097, half of ``thresholds.NULL_TAU``. A new look with each
answer would find chance sooner or later."""


class Kind(StrEnum):
    """What a warning is about; a run tells each of them once."""

    COLLAPSED = "collapsed"
    UNGROUNDED = "ungrounded"
    INVERTED = "inverted"
    DRIFTED = "drifted"
    DIVERGED = "diverged"
    QUESTION = "wrong question"
    UNSTEADY = "unsteady"


@dataclass(frozen=True)
class Alarm:
    """A warning.

    Attributes:
        kind: what it is about.
        sentence: what was seen, for people.
    """

    kind: Kind
    sentence: str


def of_window(now: Look, first: Look) -> list[Alarm]:
    """What a window warns of.

    Args:
        now: the window.
        first: the run's first one with enough scored frames; may be the same.
    """
    return [alarm for alarm in (_order(now, first), _drift(now, first)) if alarm is not None]


def _order(now: Look, first: Look) -> Alarm | None:
    """Rewards that are the same, say nothing, or say the opposite, where the states differ clearly.

    The limits are those of the verdict on a ranking: chance is 0 with a standard error of about 0.1 in a
    window of frames that follow each other.
    """
    if now.order is None or now.tied is None:
        return None
    where = f"in the {now.frames} frames up to step {now.step}"
    was = (
        ""
        if first is now or first.order is None
        else f"; it was {first.order:.2f} at the beginning of the run"
    )
    if now.tied >= limits.TIED_COLLAPSED:
        answer = "" if now.top_answer is None else f", and the most frequent answer is {now.top_answer!r}"
        return Alarm(
            Kind.COLLAPSED,
            f"the reward has collapsed: {where} it is the same in {100 * now.tied:.0f} of 100 pairs of "
            f"states that differ clearly{answer}",
        )
    if now.order < limits.ORDER_INVERTED:
        return Alarm(
            Kind.INVERTED,
            f"the reward is higher where the truth is worse: {where} its order is {now.order:.2f}, where 1 "
            f"is right and 0 is chance{was}",
        )
    if now.order < limits.ORDER_UNGROUNDED:
        return Alarm(
            Kind.UNGROUNDED,
            f"the reward says next to nothing of the states: {where} its order is {now.order:.2f}, where 1 "
            f"is right and 0 is chance{was}",
        )
    return None


def _drift(now: Look, first: Look) -> Alarm | None:
    """Readings that are further off than at the beginning.

    Three things together: the error is at least twice as large; it is more than a fifth of what the best
    constant answer had at the beginning, so that the values would not be called trustworthy
    (``thresholds.SKILL_TRUSTWORTHY``); and the blocks of the window have larger errors than those of the
    first one by Mann and Whitney's test.
    """
    if first is now or now.error is None or first.error is None or first.blind_error is None:
        return None
    if min(len(now.block_errors), len(first.block_errors)) < BLOCKS // 2:
        return None
    harmless = (1 - limits.SKILL_TRUSTWORTHY) * first.blind_error
    if now.error < max(WORSE_ERROR * first.error, harmless):
        return None
    p_value = mannwhitneyu(now.block_errors, first.block_errors, alternative="greater").pvalue
    if p_value >= limits.P_VALUE:
        return None
    return Alarm(
        Kind.DRIFTED,
        f"what is read has drifted from the truth: the mean error is {now.error:.3g} in the {now.frames} "
        f"frames up to step {now.step}, and was {first.error:.3g} at the beginning of the run",
    )


def of_wrong_question(
    wrong: Sequence[float | None], right: Sequence[float | None], oracle: Sequence[float | None]
) -> Alarm | None:
    """Rewards for the wrong question that follow the truth nearly as well as those for the right one.

    The rule of the verdict: half of the right question's τ_b, and more than chance has.

    Args:
        wrong: N rewards of frames for a question about something else.
        right: N rewards of the same frames for the run's own question.
        oracle: N perfect rewards.
    """
    rows = [row for row in zip(wrong, right, oracle, strict=True) if None not in row]
    count = max((number for number in NULL_FRAMES if number <= len(rows)), default=0)
    if not count:
        return None
    of_wrong, of_right, true = np.array(rows[:count], dtype=np.float64).T
    null, own = tau_beyond_chance(of_wrong, true) or 0.0, kendall_tau_b(of_right, true) or 0.0
    if abs(null) < max(limits.NULL_TAU, limits.NULL_RATIO * own):
        return None
    return Alarm(
        Kind.QUESTION,
        f"the question hardly matters: asked about giraffes, {count} frames have rewards with a τ_b of "
        f"{null:.2f} with the truth, and of {own:.2f} for the right question",
    )


def of_black_frames(rewards: Sequence[float | None], spread: float) -> Alarm | None:
    """One and the same black frame that got rewards which differ.

    Args:
        rewards: for a black frame, asked again and again.
        spread: what the run's rewards are spread over.
    """
    given = [reward for reward in rewards if reward is not None]
    if len(given) < 2 or max(given) - min(given) <= limits.TIE_TOLERANCE * spread:
        return None
    return Alarm(
        Kind.UNSTEADY,
        f"the server does not answer the same frame alike: a black frame had rewards from {min(given):.3g} "
        f"to {max(given):.3g} in {len(given)} tries",
    )
