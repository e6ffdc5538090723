"""What an experiment says about the VLM's reward on a task, or why it says nothing.

Not for the statistics (``seed_statistics.py``) or for reading the runs (``results.py``).
docs/experiments.md has the rule in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from agent.config import Arm
from agent.experiment.seed_statistics import (
    LEVEL,
    Interval,
    holm,
    iqm,
    iqm_difference,
    p_value,
)
from agent.rewards.arms import CONTROLS

MIN_SEEDS = 5
"""Fewer seeds of an arm have no interval and no verdict."""

GAP_SHARE = 0.5
"""The smallest difference that counts, as a share of what lies between random actions and the oracle."""

COMPARED = (Arm.VLM, Arm.ORACLE, *CONTROLS)
"""The arms that a verdict needs."""

OTHERS = {Arm.ENV: "the environment's own reward", Arm.SHUFFLED: "shuffled, which is no blind control"}
"""Arms that a verdict speaks of where they were run, and does not depend on."""


@dataclass(frozen=True)
class ArmResults:
    """The finished runs of an arm on a task.

    Attributes:
        planned: how many runs there are to be.
        scores: the score of each finished run that has one: the mean of its greedy curve.
        finals: the final return of each finished run.
    """

    planned: int
    scores: Sequence[float]
    finals: Sequence[float]


@dataclass(frozen=True)
class Verdict:
    """What an experiment says about the VLM's reward on a task.

    Attributes:
        task: what was learned.
        teaches: whether the reward teaches; None where there is no verdict.
        headline: the verdict, or why there is none, in a sentence.
        details: the numbers behind it.
        smallest_gap: the smallest difference of scores that counts.
        oracle_leads: score of ``oracle`` minus that of each control.
        leads: score of ``vlm`` minus that of each control, and of each other arm that was run.
        p_values: of a difference between ``vlm`` and each control, corrected for their number.
    """

    task: str
    teaches: bool | None
    headline: str
    details: str = ""
    smallest_gap: float | None = None
    oracle_leads: Mapping[Arm, Interval] = field(default_factory=dict)
    leads: Mapping[Arm, Interval] = field(default_factory=dict)
    p_values: Mapping[Arm, float] = field(default_factory=dict)


def verdict(task: str, arms: Mapping[Arm, ArmResults], random_return: float) -> Verdict:
    """Says whether the VLM's reward teaches.

    It does where ``vlm`` beats every control: by the smallest difference that counts, and with the whole 95 %
    interval above 0. Since every control must be beaten, no correction is needed for their number: the chance
    to pass by luck is at most that of the hardest comparison (an intersection-union test; Berger,
    "Multiparameter Hypothesis Testing and Acceptance Sampling", Technometrics 24(4), 1982). To be *worse than
    some* control is easier the more controls there are, so that the p-values of that claim are corrected.

    Where ``oracle`` does not beat every control in the same way, the task cannot tell rewards apart.

    Args:
        task: its name.
        arms: results by arm, of every arm that is planned.
        random_return: mean true return of random actions on the task.
    """
    reason = _why_none(arms)
    if reason is not None:
        return Verdict(task, None, f"{task}: no verdict: {reason}.")
    scores = {arm: results.scores for arm, results in arms.items()}
    oracle = float(iqm(np.asarray(scores[Arm.ORACLE])))
    gap = GAP_SHARE * (oracle - random_return)
    background = (
        f"A difference counts from {gap:.1f}: half of what oracle ({oracle:.1f}) has over random actions "
        f"({random_return:.1f}). Final returns: {_finals(arms)}."
    )
    oracle_leads = {arm: iqm_difference(scores[Arm.ORACLE], scores[arm]) for arm in CONTROLS}
    if unbeaten := [arm for arm in CONTROLS if not _beats(oracle_leads[arm], gap)]:
        return Verdict(
            task,
            None,
            f"{task}: this setting cannot tell whether the VLM's reward teaches: oracle, a reward without "
            f"error, does not beat {_listed(unbeaten)} by enough.",
            f"{_differences(Arm.ORACLE, oracle_leads)} {background}",
            gap,
            oracle_leads,
        )
    leads = {arm: iqm_difference(scores[Arm.VLM], scores[arm]) for arm in CONTROLS}
    others = {arm: iqm_difference(scores[Arm.VLM], scores[arm]) for arm in OTHERS if arm in arms}
    corrected = holm([p_value(scores[Arm.VLM], scores[arm]) for arm in CONTROLS])
    p_values = dict(zip(CONTROLS, corrected, strict=True))
    tested = ", ".join(f"{arm} p = {p_values[arm]:.2g}" for arm in CONTROLS if leads[arm].high < 0)
    beside = [
        *([f"Mann-Whitney tests, after Holm's correction: {tested}."] if tested else []),
        *(
            f"It {'beats' if _beats(lead, gap) else 'does not beat'} {OTHERS[arm]}: {lead}."
            for arm, lead in others.items()
        ),
    ]
    return Verdict(
        task,
        all(_beats(lead, gap) for lead in leads.values()),
        f"{task}: the VLM's reward {'; it '.join(_claims(leads, p_values, gap))}.",
        " ".join([_differences(Arm.VLM, leads), background, *beside]),
        gap,
        oracle_leads,
        {**leads, **others},
        p_values,
    )


def _claims(leads: Mapping[Arm, Interval], p_values: Mapping[Arm, float], gap: float) -> list[str]:
    """What can be said of the VLM's reward beside each of the controls."""
    found: dict[str, list[str]] = {
        "teaches worse than {}": [],
        "is worse than {} by too little to count": [],
        "cannot be told from {}": [],
        "is better than {} by too little to count": [],
    }
    worse, little_worse, even, little_better = found.values()
    for arm, lead in leads.items():
        if lead.high < 0 and p_values[arm] < 1 - LEVEL:
            (worse if -lead.point >= gap else little_worse).append(arm.value)
        elif lead.low <= 0:
            even.append(arm.value)
        elif lead.point < gap:
            little_better.append(arm.value)
    return [words.format(_listed(names)) for words, names in found.items() if names] or ["teaches"]


def _why_none(arms: Mapping[Arm, ArmResults]) -> str | None:
    """Why there can be no verdict yet, or none at all."""
    if absent := [arm for arm in COMPARED if arm not in arms]:
        return f"it needs {_listed(COMPARED)}, and this experiment lacks {_listed(absent)}"
    if few := [f"{arm} has {arms[arm].planned}" for arm in COMPARED if arms[arm].planned < MIN_SEEDS]:
        return f"it needs at least {MIN_SEEDS} seeds of each arm; {_listed(few)}"
    planned = sum(results.planned for results in arms.values())
    if left := planned - sum(len(results.finals) for results in arms.values()):
        return f"{left} of {planned} runs are not finished"
    if any(len(arms[arm].scores) < len(arms[arm].finals) for arm in COMPARED):
        return (
            "runs have no greedy evaluations during training (--eval-every), of which the score is the mean"
        )
    return None


def _beats(lead: Interval, gap: float) -> bool:
    """Whether a lead is as large as counts, and certain. Where nothing lies below the oracle, none counts."""
    return lead.point >= gap > 0 and lead.low > 0


def _finals(arms: Mapping[Arm, ArmResults]) -> str:
    return ", ".join(f"{arm} {float(iqm(np.asarray(arms[arm].finals))):.1f}" for arm in COMPARED)


def _differences(ours: Arm, leads: Mapping[Arm, Interval]) -> str:
    found = ", ".join(f"{arm} {lead}" for arm, lead in leads.items())
    return (
        f"Score of {ours} (mean greedy true return during training) minus that of each control: {found} (IQM "
        "over seeds, 95 %)."
    )


def _listed(names: Iterable[str]) -> str:
    """Names in a sentence.

    >>> _listed(["a", "b", "c"])
    'a, b and c'
    """
    *most, last = map(str, names)
    return f"{', '.join(most)} and {last}" if most else last
