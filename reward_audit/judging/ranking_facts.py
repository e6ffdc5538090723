"""What the rules on the order of rewards look at. Not for what follows from it: that is ``ranking_rules``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reward_audit.judging import thresholds as limits
from reward_audit.judging.evidence import PART_WORDS, Evidence, Judgement, parts
from reward_audit.judging.null_bands import band_gap
from reward_audit.measures import answers, distances, ranking, resolution
from reward_audit.measures.pairs import ClearPairs, Floats, clear_pairs

WRONG_QUESTION = "wrong_question"
"""The null in which the frame is there and another thing is asked."""


@dataclass(frozen=True)
class Part:
    """The order of rewards in one part of the frames.

    Attributes:
        words: where that is.
        frames: how many were scored.
        pairs: its clear pairs.
    """

    words: str
    frames: int
    pairs: ClearPairs

    @property
    def order(self) -> float:
        """Somers' D of the clear pairs, from -1 to 1."""
        return self.pairs.order or 0.0

    @property
    def tied(self) -> float:
        """Share of clear pairs that the rewards tie."""
        return self.pairs.tied / self.pairs.count

    @property
    def says_something(self) -> bool:
        """Whether the rewards order enough clear pairs to be right or wrong."""
        return self.tied <= 1 - limits.MIN_ORDERED

    @property
    def right_if_anything(self) -> bool:
        """Whether nearly all that the rewards order is right; so it is where they order next to nothing."""
        ordered = self.pairs.right + self.pairs.wrong
        return not self.says_something or (
            self.pairs.right - self.pairs.wrong >= limits.GAMMA_SATURATED * ordered
        )


@dataclass(frozen=True)
class Facts:
    """What the rules look at.

    Attributes:
        evidence: all of it.
        values: the judgement on values.
        scored: number of frames with a reward.
        by_part: the parts that can be judged; ``all``, ``grid``, ``visited``.
        tau: Kendall's τ_b over all frames.
        band_gap: difference between the largest and the smallest share of nulls in a quarter of the frames.
    """

    evidence: Evidence
    values: Judgement
    scored: int
    by_part: dict[str, Part]
    tau: float | None
    band_gap: float

    def worst(self, *names: str) -> Part | None:
        """The part with the lowest order among some, or among all of them."""
        chosen = [part for name, part in self.by_part.items() if not names or name in names]
        return min(chosen, key=lambda part: part.order, default=None)

    def image_null(self) -> tuple[str, float]:
        """The null without a frame that follows the oracle most, and its τ_b."""
        taus = {k: v for k, v in self.evidence.null_taus.items() if v is not None and k != WRONG_QUESTION}
        return max(taus.items(), key=lambda item: abs(item[1]), default=("none", 0.0))


def gather(evidence: Evidence, values: Judgement) -> Facts:
    """Counts the clear pairs of each part, and what else the rules look at."""
    rewards, oracle = evidence.rewards, evidence.oracle
    scored = ~np.isnan(rewards)
    tolerance = limits.TIE_TOLERANCE * _span(evidence.bounds, rewards[scored])
    spread = float(np.ptp(oracle)) if len(oracle) else 0.0
    gap = limits.CLEAR_GAP * spread or float("inf")  # no pair of a constant is clearly apart
    by_part = {}
    for name, frames in parts(evidence).items():
        kept = frames & scored
        number = int(kept.sum())
        pairs = clear_pairs(rewards[kept], oracle[kept], gap, tolerance)
        enough = max(1.0, limits.MIN_CLEAR_SHARE * number * (number - 1) / 2)
        if number >= limits.MIN_PART_FRAMES and pairs.count >= enough:
            by_part[name] = Part(PART_WORDS[name], number, pairs)
    return Facts(
        evidence,
        values,
        int(scored.sum()),
        by_part,
        ranking.kendall_tau_b(rewards, oracle),
        band_gap(scored, oracle),
    )


def _span(bounds: tuple[float, float], rewards: Floats) -> float:
    """What a rubric's rewards are spread over: its bounds; without them where nine of ten given rewards are.

    Not the whole range of those: one wild reading would tie all others.
    """
    span = bounds[1] - bounds[0]
    if np.isfinite(span):
        return span
    if not len(rewards):
        return 0.0
    low, high = np.quantile(rewards, [0.05, 0.95])
    return float(high - low)


def numbers(facts: Facts) -> dict[str, float]:
    """What a judgement quotes; a measure that is undefined is absent."""
    evidence = facts.evidence
    visited = parts(evidence).get("visited")
    found: dict[str, float | None] = {
        "frames": float(len(evidence.rewards)),
        "scored": float(facts.scored),
        "unscored_share": answers.share_unscored(evidence.rewards),
        "unscored_band_gap": facts.band_gap,
        "kendall_tau_b": facts.tau,
        "epic": distances.epic(evidence.rewards, evidence.oracle),
        "answer_mode_share": answers.mode_share(evidence.answers),
        "distinct_answers": float(answers.distinct(evidence.answers)),
    }
    if visited is not None:
        found["visited_kendall_tau_b"] = ranking.kendall_tau_b(
            evidence.rewards[visited], evidence.oracle[visited]
        )
    for name, part in facts.by_part.items():
        found |= {f"{name}_clear_order": part.order, f"{name}_tied_share": part.tied}
    found |= {f"null_{name}_tau_b": tau for name, tau in evidence.null_taus.items()}
    if evidence.retest is not None:
        found["retest_noise"] = resolution.test_retest_noise(evidence.retest)
        found["reliability"] = resolution.reliability(evidence.retest)
    return {name: number for name, number in found.items() if number is not None}
