"""What the answers of an audit say: each score beside its nulls and minus them, with a permutation p-value.

Not for the measures (``measures/``), and not for what follows from them (``verdict.py``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_audit.judging.evidence import Evidence
from reward_audit.measures import answers as answer_measures
from reward_audit.measures import ranking, resolution, values
from reward_audit.measures.pairs import MIN_SAMPLES, scored
from reward_audit.rows import Row
from reward_audit.showing.conditions import SHUFFLED, SWEEP, Condition
from reward_audit.showing.sweep import Source
from reward_tasks.task import Column

Floats = NDArray[np.float64]

PERMUTATIONS = 199
"""So p is at least 0.005. Scores of 600 states take a second or two."""

ARITHMETIC = 1e-3
"""Rewards of one picture that differ by less are equal: a batch's size alone changes a reward by 1e-4."""


@dataclass(frozen=True)
class Answered:
    """The answers under one condition, aligned by frame.

    Attributes:
        rewards: ``(N,)``, NaN where null.
        oracle: ``(N,)``, what a perfect reader's reward would be.
        values: ``(N,)``, what was read, NaN where null; None where it has no truth.
        truth: ``(N,)``, what is true in the values' unit; None with ``values``.
        period: after which a value is the same again; None for none.
        answers: ``(N,)``, verbatim; None where there is none.
        states: ``(N,)``, the states' places in the sweep.
        visited: ``(N,)`` bool, whether a policy or a script was there.
        label_mass: ``(N,)``, of the readout's labels together; NaN where there is none, as of a text.
        entropy: ``(N,)``, of the probabilities among the labels, 0 to 1; NaN where the label mass is.
    """

    rewards: Floats
    oracle: Floats
    values: Floats | None
    truth: Floats | None
    period: float | None
    answers: list[str | None]
    states: NDArray[np.int64]
    visited: NDArray[np.bool_]
    label_mass: Floats
    entropy: Floats

    def where(self, kept: NDArray[Any]) -> Answered:
        """Some of the frames: those that a mask or places name."""
        places = np.arange(len(self.rewards))[kept]
        return Answered(
            self.rewards[places],
            self.oracle[places],
            None if self.values is None else self.values[places],
            None if self.truth is None else self.truth[places],
            self.period,
            [self.answers[place] for place in places],
            self.states[places],
            self.visited[places],
            self.label_mass[places],
            self.entropy[places],
        )


@dataclass(frozen=True)
class Score:
    """A measure that is quoted beside its nulls.

    Attributes:
        name: in ``audit.json``.
        of: the score of rewards (or values) against what is true of them.
        of_values: whether values are held against the truth, in place of rewards against the oracle.
        better: 1 where more is better, -1 where less is.
    """

    name: str
    of: Callable[[Floats, Floats, float | None], float | None]
    of_values: bool = False
    better: int = 1

    def measured(self, answered: Answered) -> float | None:
        """The score of some answers; None where it is undefined, or there are no values."""
        pair = self._pair(answered)
        return None if pair is None else self.of(*pair, answered.period)

    def p_value(self, answered: Answered, rng: np.random.Generator) -> float | None:
        """How often answers that are dealt to the states at random score at least as well."""
        pair = self._pair(answered)
        if pair is None or len(scored(*pair)[0]) < MIN_SAMPLES:
            return None

        def statistic(given: Floats, true: Floats) -> float | None:
            found = self.of(given, true, answered.period)
            return None if found is None else self.better * found

        return ranking.permutation_p_value(*pair, statistic, PERMUTATIONS, rng=rng)

    def _pair(self, answered: Answered) -> tuple[Floats, Floats] | None:
        if not self.of_values:
            return answered.rewards, answered.oracle
        if answered.values is None or answered.truth is None:
            return None
        return answered.values, answered.truth


SCORES = (
    Score("kendall_tau_b", lambda a, b, _: ranking.kendall_tau_b(a, b)),
    Score("mean_absolute_error", values.mean_absolute_error, of_values=True, better=-1),
    Score("spearman", lambda a, b, _: ranking.spearman(a, b)),
    Score("pairwise_accuracy", lambda a, b, _: ranking.pairwise_accuracy(a, b)),
)

FIRST_SCORES = SCORES[:2]
"""Of each condition by itself, where there are few frames."""


def answered(rows: Sequence[Row], column: Column | None) -> Answered:
    """The arrays of some rows.

    Args:
        rows: of one condition.
        column: of the task's truth, in whose unit values are read; None for none.
    """
    given = [row["value"] if row["reward"] is not None else None for row in rows]
    return Answered(
        rewards=_floats(row["reward"] for row in rows),
        oracle=_floats(row["oracle"] for row in rows),
        values=None if column is None else _floats(given),
        truth=None if column is None else _floats(row[f"true_{column.name}"] for row in rows),
        period=None if column is None else column.period,
        answers=[row["text"] for row in rows],
        states=np.array([row["state"] for row in rows], dtype=np.int64),
        visited=np.array([row["source"] != Source.GRID for row in rows], dtype=np.bool_),
        label_mass=_floats(row["label_mass"] for row in rows),
        entropy=_floats(row.get("entropy") for row in rows),  # answers of earlier versions have none
    )


def by_condition(
    rows: Sequence[Row], conditions: Sequence[Condition], column: Column | None, seed: int
) -> dict[str, Answered]:
    """The answers under each condition, the sweep's first; those of the null that costs no frames too."""
    found = {}
    for condition in (SWEEP, *conditions):
        found[condition.name] = answered([row for row in rows if row["condition"] == condition.name], column)
        if condition.one_state:
            _even_out(found[condition.name].rewards)
    sweep = found[SWEEP.name]
    dealt = sweep.where(np.random.default_rng(seed).permutation(len(sweep.rewards)))
    found[SHUFFLED] = replace(sweep, rewards=dealt.rewards, values=dealt.values, answers=dealt.answers)
    return found


def evidence_of(found: Mapping[str, Answered], nulls: Sequence[str], bounds: tuple[float, float]) -> Evidence:
    """What the verdict is drawn from.

    Args:
        found: from ``by_condition``.
        nulls: the conditions in which there is nothing to see.
        bounds: the lowest and the highest reward of the rubric.
    """
    sweep = found[SWEEP.name]
    return Evidence(
        rewards=sweep.rewards,
        oracle=sweep.oracle,
        values=sweep.values,
        truth=sweep.truth,
        period=sweep.period,
        answers=sweep.answers,
        bounds=bounds,
        null_taus={
            name: ranking.tau_beyond_chance(found[name].rewards, found[name].oracle) for name in nulls
        },
        retest=_twice(found),
        visited=sweep.visited,
    )


def measures_of(found: Mapping[str, Answered], nulls: Sequence[str], seed: int) -> dict[str, Any]:
    """The sweep's scores, of all states and of those on the grid and those visited, each beside its nulls.

    Returns:
        What ``audit.json`` holds as ``measures``.
    """
    sweep = found[SWEEP.name]
    parts = {"all": sweep, "grid": sweep.where(~sweep.visited), "visited": sweep.where(sweep.visited)}
    scores = {
        part: {
            "frames": len(some.rewards),
            "unscored": answer_measures.share_unscored(some.rewards),
            **{score.name: _beside_nulls(score, some, found, nulls, seed) for score in SCORES},
        }
        for part, some in parts.items()
    }
    twice = _twice(found)
    return {
        **scores,
        "values": None if sweep.values is None or sweep.truth is None else _of_values(sweep),
        "answers": {
            "distinct": answer_measures.distinct(sweep.answers),
            "mode_share": answer_measures.mode_share(sweep.answers),
            "normalised_entropy": answer_measures.normalised_entropy(sweep.answers),
            "most_frequent": _most_frequent(sweep, 10),
        },
        "retest": {
            "frames": len(twice),
            "noise": resolution.test_retest_noise(twice),
            "reliability": resolution.reliability(twice),
        },
    }


def beside_sweep(found: Mapping[str, Answered], name: str, seed: int) -> dict[str, Any]:
    """The scores of one condition, beside those that the same states have as they are.

    Returns:
        For each score: its own, the sweep's, the sweep's minus it (above 0: the condition is worse), and p.
    """
    some, sweep = found[name], found[SWEEP.name].where(found[name].states)
    change = np.abs(some.rewards - sweep.rewards)
    scores: dict[str, Any] = {
        "frames": len(some.rewards),
        "unscored": answer_measures.share_unscored(some.rewards),
        "mean_reward": _mean(some.rewards),
        "mean_reward_change": _mean(change),
        "most_frequent": _most_frequent(some, 1),
    }
    for score in FIRST_SCORES:
        own, plain = score.measured(some), score.measured(sweep)
        scores[score.name] = {
            "score": own,
            "sweep": plain,
            "sweep_minus_this": _better_by(score, plain, own),
            "p": score.p_value(some, _rng(seed, name)),
        }
    return scores


def _beside_nulls(
    score: Score, some: Answered, found: Mapping[str, Answered], nulls: Sequence[str], seed: int
) -> dict[str, Any]:
    """A score, and the null that comes nearest to it on the same states."""
    own, sweep = score.measured(some), found[SWEEP.name]
    beside = dict[str, tuple[float, float]]()
    for name in nulls:
        null = found[name].where(np.isin(found[name].states, some.states))
        of_null, plain = score.measured(null), score.measured(sweep.where(null.states))
        if of_null is not None and (better_by := _better_by(score, plain, of_null)) is not None:
            beside[name] = of_null, better_by
    strongest = min(beside, key=lambda name: beside[name][1], default=None)
    return {
        "score": own,
        "p": score.p_value(some, _rng(seed, score.name)),
        "strongest_null": strongest,
        "null": None if strongest is None else beside[strongest][0],
        "minus_null": None if strongest is None else beside[strongest][1],
    }


def _of_values(sweep: Answered) -> dict[str, Any]:
    read, true = sweep.values, sweep.truth
    assert read is not None  # noqa: S101 - the caller's
    assert true is not None  # noqa: S101
    return {
        "bias": values.bias(read, true, sweep.period),
        "skill": values.skill(read, true, sweep.period),
        "best_constant_error": values.best_constant_error(true, sweep.period),
        "side_accuracy": values.side_accuracy(read, true, 0.5),
    }


def _most_frequent(some: Answered, count: int) -> list[list[Any]]:
    """Answers with how often they came, as JSON has pairs."""
    counts = Counter(answer for answer in some.answers if answer is not None)
    return [list(pair) for pair in counts.most_common(count)]


def _twice(found: Mapping[str, Answered]) -> Floats:
    """``(M, 2)`` rewards of the frames that were scored twice."""
    again = found["retest"]
    return np.stack([found[SWEEP.name].rewards[again.states], again.rewards], axis=1)


def _better_by(score: Score, one: float | None, other: float | None) -> float | None:
    """By how much a score is better than another one: above 0 whichever way is better."""
    return None if one is None or other is None else score.better * (one - other)


def _even_out(rewards: Floats) -> None:
    """Makes rewards of one picture equal where only arithmetic tells them apart."""
    there = ~np.isnan(rewards)
    if there.any() and np.ptp(rewards[there]) < ARITHMETIC:
        rewards[there] = rewards[there].mean()


def _mean(array: Floats) -> float | None:
    there = array[~np.isnan(array)]
    return float(there.mean()) if len(there) else None


def _floats(numbers: Iterable[float | None]) -> Floats:
    return np.array([np.nan if number is None else number for number in numbers], dtype=np.float64)


def _rng(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, *name.encode()])
