"""Whether the order of rewards follows the oracle's: the rules, from the one that is tried first to the last.

Not for the limits (``thresholds``), for what is counted (``ranking_facts``), or for sizes of errors
(``value_rules``).
"""

from __future__ import annotations

from collections.abc import Callable

from reward_audit.judging import thresholds as limits
from reward_audit.judging.evidence import Evidence, Judgement, Name
from reward_audit.judging.ranking_facts import Facts, gather, numbers
from reward_audit.measures import answers, ranking, resolution

Found = tuple[Name, str] | None


def judge_ranking(evidence: Evidence, values: Judgement) -> Judgement:
    """The conclusion on the order of rewards: of the first rule that applies.

    Args:
        evidence: all of it.
        values: the judgement on values, since a bias spoils the order as well.
    """
    facts = gather(evidence, values)
    name, rule = next(found for rule in RULES if (found := rule(facts)))
    return Judgement(name, rule, numbers(facts))


def too_little(facts: Facts) -> Found:
    """Too few frames, too many nulls, nulls for states of one kind, or states that are all alike."""
    unscored = answers.share_unscored(facts.evidence.rewards)
    if unscored is not None and unscored > limits.MAX_UNSCORED:
        return "cannot tell", f"{unscored:.0%} of the rewards are null (at most {limits.MAX_UNSCORED:.0%})"
    if facts.scored < limits.MIN_FRAMES:
        return "cannot tell", f"{facts.scored} frames were scored (at least {limits.MIN_FRAMES})"
    if facts.band_gap >= limits.MAX_BAND_GAP:
        return "cannot tell", (
            "the nulls leave out states of one kind: their share differs by "
            f"{facts.band_gap:.0%} between quarters of the frames, ordered by the oracle "
            f"(limit {limits.MAX_BAND_GAP:.0%})"
        )
    if not facts.by_part:
        return "cannot tell", "the states are so alike that a perfect reward hardly differs between them"
    return None


def little_but_right(facts: Facts) -> Found:
    """What the reward orders is right, but it is the same for most states."""
    everywhere, worst = facts.by_part.get("all"), facts.worst()
    if everywhere is None or worst is None or worst.order >= limits.ORDER_USABLE:
        return None
    if not everywhere.says_something or not all(part.right_if_anything for part in facts.by_part.values()):
        return None
    where = facts.by_part.get("visited", everywhere)
    right = everywhere.pairs.right / (everywhere.pairs.right + everywhere.pairs.wrong)
    what = (
        f"{right:.0%} of what it orders is right, but it is the same for {worst.tied:.0%} of the clear pairs "
        f"{worst.words}"
    )
    if where.order >= limits.ORDER_USABLE:
        return without_the_frame(facts) or (
            "usable with care",
            f"{what}; {where.words} its order is {where.order:.2f}",
        )
    return "saturated", f"{what}; its order is {worst.order:.2f} there (at least {limits.ORDER_USABLE})"


def same_for_all(facts: Facts) -> Found:
    """The reward, or the answer, is nearly the same for all frames of a part."""
    for part in facts.by_part.values():
        if part.tied >= limits.TIED_COLLAPSED:
            return "collapsed", (
                f"the reward is the same for {part.tied:.0%} of the clear pairs {part.words} "
                f"(limit {limits.TIED_COLLAPSED:.0%})"
            )
    share, worst = answers.mode_share(facts.evidence.answers), facts.worst()
    if share is None or worst is None or worst.order >= limits.ORDER_USABLE:
        return None
    if share >= limits.MODE_COLLAPSED:
        return "collapsed", f"{share:.0%} of the answers are the same (limit {limits.MODE_COLLAPSED:.0%})"
    return None


def against_the_truth(facts: Facts) -> Found:
    """The order is the other way round."""
    worst = facts.worst()
    if worst is None or worst.order > limits.ORDER_INVERTED:
        return None
    return "inverted", f"the order is {worst.order:.2f} {worst.words} (limit {limits.ORDER_INVERTED})"


def without_the_frame(facts: Facts) -> Found:
    """A null without a frame is half as good."""
    name, tau = facts.image_null()
    limit = max(limits.NULL_TAU, limits.NULL_RATIO * (facts.tau or 0.0))
    if abs(tau) >= limit:
        return "ungrounded", (
            f"on the null '{name}' the rewards follow the oracle with a τ_b of {tau:.2f}, on the frames with "
            f"{facts.tau or 0.0:.2f} (limit {limit:.2f})"
        )
    return None


def by_chance(facts: Facts) -> Found:
    """The order is no better than chance."""
    worst = facts.worst("all", "grid")
    if worst is None or worst.order >= limits.ORDER_USABLE:
        return None
    if worst.order < limits.ORDER_UNGROUNDED:
        return (
            "ungrounded",
            f"the order is {worst.order:.2f} {worst.words} (at least {limits.ORDER_UNGROUNDED})",
        )
    p = ranking.kendall_p_value(facts.evidence.rewards, facts.evidence.oracle)
    if p is not None and p > limits.P_VALUE:
        return "cannot tell", (
            f"the order may be chance: p is {p:.3f} with {facts.scored} frames (limit {limits.P_VALUE})"
        )
    return None


def spoiled_by_a_bias(facts: Facts) -> Found:
    """The order is weak, or the other way round in a part, and the readings are right but for an offset."""
    everywhere, worst = facts.by_part.get("all"), facts.worst()
    if everywhere is None or worst is None or facts.values.name != "biased":
        return None
    if worst.order >= limits.ORDER_USABLE or everywhere.order < limits.ORDER_UNGROUNDED:
        return None
    return "biased", f"the order is {worst.order:.2f} {worst.words}, since the values are biased"


def weak(facts: Facts) -> Found:
    """The order is too weak in some part."""
    worst = facts.worst()
    if worst is None or worst.order >= limits.ORDER_USABLE:
        return None
    visited, grid = facts.by_part.get("visited"), facts.by_part.get("grid")
    grid_is_right = grid is not None and grid.order >= limits.ORDER_USABLE
    if grid and visited and grid_is_right and visited.order < limits.ORDER_UNGROUNDED_ON_ONE:
        return "ungrounded", (
            f"the order is {grid.order:.2f} {grid.words} and {visited.order:.2f} {visited.words} "
            f"(at least {limits.ORDER_UNGROUNDED_ON_ONE})"
        )
    return "noisy", f"the order is {worst.order:.2f} {worst.words} (at least {limits.ORDER_USABLE})"


def with_care(facts: Facts) -> Found:
    """Good enough, with something to know first; all such things are said."""
    cares = [
        f"the order is {part.order:.2f} {part.words} (trustworthy from {limits.ORDER_TRUSTWORTHY})"
        for part in facts.by_part.values()
        if part.order < limits.ORDER_TRUSTWORTHY
    ]
    if "visited" not in facts.by_part:
        cares.append("too few states that policies visit were asked about, or they differ too little")
    unscored = answers.share_unscored(facts.evidence.rewards)
    if unscored is not None and unscored >= limits.CARE_UNSCORED:
        cares.append(f"{unscored:.0%} of the rewards are null")
    taus = facts.evidence.null_taus
    if not taus:
        cares.append("no null was asked, so nobody knows what the rewards are without a frame")
    cares += [
        f"the null '{name}' follows the oracle with a τ_b of {tau:.2f} (limit {limits.NULL_TAU})"
        for name, tau in taus.items()
        if tau is not None and abs(tau) >= limits.NULL_TAU
    ]
    reliability = None if facts.evidence.retest is None else resolution.reliability(facts.evidence.retest)
    if reliability is not None and reliability < limits.RELIABILITY_CARE:
        cares.append(f"asked twice, {1 - reliability:.0%} of the rewards' variance is noise")
    return ("usable with care", "; ".join(cares)) if cares else None


def in_order(facts: Facts) -> Found:
    """Nothing speaks against it."""
    worst = facts.worst()
    order = worst.order if worst else float("nan")
    return (
        "trustworthy",
        f"the order is at least {order:.2f} in every part (limit {limits.ORDER_TRUSTWORTHY})",
    )


RULES: tuple[Callable[[Facts], Found], ...] = (
    too_little,
    little_but_right,
    same_for_all,
    without_the_frame,
    spoiled_by_a_bias,
    against_the_truth,
    by_chance,
    weak,
    with_care,
    in_order,
)
"""In this order: the first that applies decides. The last one always does."""
