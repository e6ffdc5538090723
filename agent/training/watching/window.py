"""What a window of a run's frames shows: agreement, sameness, errors. Pure; rows in, numbers out.

Not for what the numbers mean (``frame_rules.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from reward_audit.judging import thresholds as limits
from reward_audit.measures.answers import mode_share
from reward_audit.measures.pairs import Floats, clear_pairs
from reward_audit.measures.ranking import kendall_tau_b
from reward_audit.measures.values import best_constant_error, errors

WINDOW_FRAMES = 512
"""Frames that are measured together; windows do not overlap. Short enough that a run of 10,000 steps has 19
of them, and several times the 100 scored frames that a verdict needs (``thresholds.MIN_FRAMES``), since
frames that follow each other are alike."""

BLOCKS = 8
"""Parts of a window whose mean errors are compared with those of another window: 64 frames each, over a
second of CartPole, so that one block's mean says little of the next one's. Eight against eight can have a
p-value of 1 in 12,870 (Mann and Whitney's test)."""

MIN_BLOCK_FRAMES = 8
"""Readings below which a block has no mean error."""

GAP = 0.3
"""Difference of two perfect rewards, as a share of their range, from which a pair of states is told by order:
3.6 degrees of tilt. An audit, which chooses its states, takes a tenth (``thresholds.CLEAR_GAP``). A policy
that balances visits states that are all alike, whose few pairs at that limit say little: there a reading with
2 degrees of noise, or of bias, which is usable over all states, has had orders down to -0.25."""


@dataclass(frozen=True)
class Frame:
    """One frame of a run, as it is measured.

    Attributes:
        reward: the server's; None where it gave none.
        oracle: what a perfect reward would be; None where the task does not say.
        answer: the model's own words; None where there are none.
        error: of what was read, in its unit; None where nothing was read of the task's truth.
        truth: what is true in that unit; None likewise.
    """

    reward: float | None
    oracle: float | None
    answer: str | None
    error: float | None
    truth: float | None


@dataclass(frozen=True)
class Look:
    """What one window shows. A measure that is undefined is None.

    Attributes:
        step: of its last frame, from 1.
        frames: in it.
        scored: those with a reward.
        unscored_share: share of the others.
        tau_b: Kendall's τ_b of rewards and perfect rewards. It falls where states are all alike.
        order: Somers' D of the pairs that are clearly apart (``GAP``), from -1 to 1, which does not;
            None where too few pairs are.
        tied: share of those pairs that have the same reward.
        spread: what the rewards are spread over: where nine of ten are.
        mean_reward: mean of the rewards.
        top_answer: the most frequent answer.
        top_answer_share: its share of the answers.
        error: mean absolute error of what was read, in its unit.
        block_errors: the same in each block of the window.
        blind_error: that of the best constant answer.
    """

    step: int
    frames: int
    scored: int
    unscored_share: float
    tau_b: float | None
    order: float | None
    tied: float | None
    spread: float
    mean_reward: float | None
    top_answer: str | None
    top_answer_share: float | None
    error: float | None
    block_errors: list[float]
    blind_error: float | None

    def scalars(self) -> dict[str, float]:
        """The measures for curves; one that is undefined is absent."""
        found = {
            "audit/reward_truth_tau_b": self.tau_b,
            "audit/clear_pairs_order": self.order,
            "audit/top_answer_share": self.top_answer_share,
            "audit/reading_error": self.error,
            "audit/unscored_share": self.unscored_share,
            "audit/mean_reward": self.mean_reward,
        }
        return {name: value for name, value in found.items() if value is not None}

    def state(self) -> dict[str, Any]:
        """Everything in it, in the form that JSON can hold."""
        return asdict(self)


def look(
    frames: Sequence[Frame], step: int, oracle_span: float, period: float | None, spread_before: float
) -> Look:
    """Measures a window.

    Args:
        frames: of the window, in the order in which they were seen.
        step: of its last one, from 1.
        oracle_span: the range of the task's perfect rewards.
        period: of what is read; None where it has none.
        spread_before: the largest spread of rewards in the run's earlier windows, 0 in the first. What ties
            two rewards is a share of it, so that a reward that collapses does not shrink its own measure.
    """
    rewards, oracle = _floats([one.reward for one in frames]), _floats([one.oracle for one in frames])
    scored = ~np.isnan(rewards)
    kept = scored & ~np.isnan(oracle)
    spread = _spread(rewards[scored])
    pairs = clear_pairs(
        rewards[kept],
        oracle[kept],
        GAP * oracle_span,
        limits.TIE_TOLERANCE * max(spread, spread_before),
    )
    number = int(kept.sum())
    enough = max(1.0, limits.MIN_CLEAR_SHARE * number * (number - 1) / 2)
    told = number >= limits.MIN_FRAMES and pairs.count >= enough
    answers = [one.answer for one in frames]
    given = [answer for answer in answers if answer is not None]
    true = _floats([one.truth for one in frames])
    return Look(
        step=step,
        frames=len(frames),
        scored=int(scored.sum()),
        unscored_share=float((~scored).mean()),
        tau_b=kendall_tau_b(rewards, oracle),
        order=pairs.order if told else None,
        tied=pairs.tied / pairs.count if told else None,
        spread=spread,
        mean_reward=float(rewards[scored].mean()) if scored.any() else None,
        top_answer=max(sorted(set(given)), key=given.count) if given else None,
        top_answer_share=mode_share(answers),
        error=_mean_size([one.error for one in frames]),
        block_errors=_block_errors(frames),
        blind_error=best_constant_error(true, period),
    )


def error_of(read: float, true: float, period: float | None) -> float:
    """A reading's error, the short way round where values come again."""
    return float(errors(np.array([read]), np.array([true]), period)[0])


def _block_errors(frames: Sequence[Frame]) -> list[float]:
    """The mean absolute error in each block that has enough readings."""
    found = []
    for block in np.array_split(np.arange(len(frames)), BLOCKS):
        off = [error for row in block if (error := frames[row].error) is not None]
        if len(off) >= MIN_BLOCK_FRAMES:
            found.append(float(np.abs(off).mean()))
    return found


def _mean_size(values: Sequence[float | None]) -> float | None:
    known = [abs(value) for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _spread(rewards: Floats) -> float:
    if not len(rewards):
        return 0.0
    low, high = np.quantile(rewards, [0.05, 0.95])
    return float(high - low)


def _floats(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
