"""The rules by which a run's labels become warnings; each one's threshold, and why it is that one.

Not for measures (``measures.py``). Nothing here is read by training: a warning is for people.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import fisher_exact

from agent.reporting.measures import (
    P_VALUE,
    TRUTH_BINS,
    Agreement,
    Labels,
    agreement_of,
    independent,
    ranges,
    top_answer,
    wanted,
)
from agent.reporting.wording import frames, hundredths, percent, quoted
from reward_tasks.task import Task

MIN_FRAMES = 100
"""Scored frames below which nothing is said of the answers. Each of two answers that are given as often is
then counted 12 times in a range of the truth, where Pearson's test asks for 5 (``measures.MIN_EXPECTED``)."""

SAME_ANSWER = 0.99
"""Share of frames with one answer, or one of two, from which there are no others: 1 in 100 is a stray."""

BLIND_PAIRS = 0.05
"""How far from a half the share of pairs that a reward orders rightly may be where it is as good as blind."""

USEFUL_PAIRS = 0.65
"""Share of pairs that half a run must have ordered rightly for its loss to be told."""

NULL_SHARE = 0.05
"""Share of frames without a reward from which it is told: 1 in 20 is missing from what is learned."""

TERMINAL_NULLS = 1.5
"""How many times as often a reward is missing where an episode ends as elsewhere, from which it is told.
Fisher's exact test must agree, since few episodes end in a run that goes well."""


def warnings_of(
    labels: Labels,
    task: Task,
    answers: Counter[str],
    readings: Sequence[Mapping[str, Any]],
    *,
    skips_ends: bool,
) -> list[str]:
    """What a reader of a run is to be warned of, a sentence each.

    Args:
        labels: of the run; none where no model was asked.
        task: knows the truth.
        answers: how often each was given.
        readings: mean absolute errors, as ``findings`` has them.
        skips_ends: whether a step without a reward is left out where it ends an episode too; else it is
            learned with the lowest reward.
    """
    of_task = [_survival(task)] if task.survival_pays else []
    count, scored = len(labels.steps), int(labels.scored.sum())
    if not count:
        return of_task
    found = []
    if scored < MIN_FRAMES:
        found.append(f"only {scored} of {count} frames have a reward: too few to judge the answers by.")
    else:
        truth, name = wanted(task, labels.truth)
        agreement = agreement_of(labels.rewards, truth)
        blind = _is_blind(labels, agreement, name)
        found += _collapse(labels, answers, blind)
        found += _useless(labels, agreement, name, blind)
        found += [
            _misread(one) for one in readings if one["mean_absolute_error"] >= one["best_constant_error"]
        ]
        if name is None:
            found += _lost(labels, truth)
    found += _missing(labels, skips_ends)
    if skips_ends:
        found += _missing_at_ends(labels)
    return found + of_task


def _survival(task: Task) -> str:
    return (
        f'"solved" on {task.env_id} by one arm proves nothing by itself: an episode that fails ends early, '
        "so any positive reward, a constant one too, adds up to more the longer an episode goes on; compare "
        "with the arm constant."
    )


def _chance(agreement: Agreement) -> bool:
    """Whether a reward orders frames no better, and no worse, than by chance, or by a trifle."""
    pairs = agreement.pairs_in_order
    return pairs is None or abs(pairs - 0.5) <= BLIND_PAIRS or agreement.p_value >= P_VALUE


def _is_blind(labels: Labels, agreement: Agreement, name: str | None) -> bool:
    """Whether the reward is as good as blind.

    A task that does not tell its perfect reward may want a reward that rises and falls again along its first
    column, so there the reward has to have nothing to do with any of the truth.
    """
    if name is None:
        return _chance(agreement)
    scored = labels.scored
    _, place = ranges(labels.rewards[scored], TRUTH_BINS)
    return not place.any() or independent(
        [str(k) for k in place], {name: values[scored] for name, values in labels.truth.items()}
    )


def _collapse(labels: Labels, counts: Counter[str], blind: bool) -> list[str]:
    """The same answer to every frame, or answers that have nothing to do with it."""
    answered = np.array([answer is not None for answer in labels.answers])
    total = int(answered.sum())
    if total < MIN_FRAMES:
        return []
    (top, count), *others = counts.most_common(2)
    if count >= SAME_ANSWER * total:
        told = f"the model gives the same answer, {quoted(top)}, to {frames(count / total)}"
        return [f"{told}: collapsed." if blind else f"{told}; only its probabilities tell frames apart."]
    answers = [answer for answer in labels.answers if answer is not None]
    if not independent(answers, {name: values[answered] for name, values in labels.truth.items()}):
        return []
    if count + others[0][1] >= SAME_ANSWER * total:
        told = f"answers {quoted(top)} or {quoted(others[0][0])}"
    else:
        told = f"gives {len(counts)} different answers, most often {quoted(top)}"
    return [f"the model {told}, and which of them has nothing to do with the frame: collapsed."]


def _useless(labels: Labels, agreement: Agreement, name: str | None, blind: bool) -> list[str]:
    """A reward that says no more than a blind one, or the opposite of the truth."""
    if agreement.pairs_in_order is None:
        return ["the truth is the same in every scored frame, so nothing can be said of the reward."]
    if agreement.tau_b is None:
        reward = labels.rewards[labels.scored][0]
        return [f"the reward is {reward:.3g} in every frame: a blind reward would have done as well."]
    shown = hundredths(agreement.tau_b)
    if blind:
        told = f"reward and truth agree no better than by chance (τ_b {shown})"
        return [f"{told}: a blind reward would have done as well."]
    if name is None and agreement.tau_b < 0:
        return [f"the reward is higher where the truth is worse (τ_b {shown}): it teaches the opposite."]
    return []


def _misread(reading: Mapping[str, Any]) -> str:
    error = f"{reading['mean_absolute_error']:.2f} {reading['unit']}"
    return (
        f"what was read of {reading['title']} is off by {error} on average, no better than the best constant "
        f"answer ({reading['best_constant_error']:.2f})."
    )


def _lost(labels: Labels, truth: NDArray[np.float64]) -> list[str]:
    """Agreement that the first half of a run had and its second half lost."""
    second = labels.steps > (labels.steps.min() + labels.steps.max()) / 2
    if min((labels.scored & half).sum() for half in (~second, second)) < MIN_FRAMES:
        return []
    before, after = (agreement_of(labels.rewards[half], truth[half]) for half in (~second, second))
    if (before.pairs_in_order or 0.0) < USEFUL_PAIRS or after.pairs_in_order is None or not _chance(after):
        return []
    was, is_now = hundredths(before.tau_b or 0.0), hundredths(after.tau_b or 0.0)
    top, share = top_answer(itertools.compress(labels.answers, second)) or ("", 0.0)
    same = f", where nearly all answers are {quoted(top)}" if share >= SAME_ANSWER else ""
    return [
        f"the answers got worse in training: τ_b of reward and truth is {was} in the first half of the run "
        f"and {is_now} in the second{same}."
    ]


def _missing(labels: Labels, skips_ends: bool) -> list[str]:
    share = float((~labels.scored).mean())
    if share < NULL_SHARE:
        return []
    but = "" if skips_ends else ", but for the ends of episodes, which count as the lowest reward"
    return [f"{percent(share)} of the frames have no reward: nothing is learned from those steps{but}."]


def _missing_at_ends(labels: Labels) -> list[str]:
    """Rewards that are missing above all where episodes end."""
    ends, null = labels.terminated, ~labels.scored
    if ends is None or not ends.any() or ends.all():
        return []
    at_end, elsewhere = float(null[ends].mean()), float(null[~ends].mean())
    counts = [[null[ends].sum(), (~null[ends]).sum()], [null[~ends].sum(), (~null[~ends]).sum()]]
    likely = fisher_exact(counts, alternative="greater").pvalue
    if at_end < TERMINAL_NULLS * elsewhere or likely >= P_VALUE:
        return []
    return [
        f"{percent(at_end)} of the frames at which an episode ends have no reward, against "
        f"{percent(elsewhere)} of the others: a reward that is missing where an episode ends teaches that "
        "ends are free."
    ]
