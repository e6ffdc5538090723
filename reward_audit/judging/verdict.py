"""What an audit concludes from its evidence: separately for the order of rewards and for the values read.

Not for gathering evidence, and not for the rules themselves: those are in ``ranking_rules`` and
``value_rules``, their limits in ``thresholds``.
"""

from __future__ import annotations

from dataclasses import dataclass

from reward_audit.judging.evidence import Evidence, Judgement, Name
from reward_audit.judging.ranking_rules import judge_ranking
from reward_audit.judging.value_rules import judge_values

__all__ = [
    "EXIT_ACCEPTED",
    "EXIT_CANNOT_TELL",
    "EXIT_REFUSED",
    "Evidence",
    "Judgement",
    "Name",
    "Verdict",
    "judge",
]

EXIT_ACCEPTED, EXIT_REFUSED, EXIT_CANNOT_TELL = 0, 3, 4

ACCEPTED: tuple[Name, ...] = ("trustworthy", "usable with care")


@dataclass(frozen=True)
class Verdict:
    """What an audit concludes.

    Attributes:
        ranking: whether the order of rewards follows the oracle's.
        values: whether the values read are right in the truth's unit; of the rewards against the oracle's
            where the rubric reads none.
        reasons: both in sentences, for people.
        exit_code: for scripts: of the ranking, since that is what an agent learns from. 0 where it is
            trustworthy or usable with care, 4 where it cannot be told, else 3.
    """

    ranking: Judgement
    values: Judgement
    reasons: list[str]
    exit_code: int


def judge(evidence: Evidence) -> Verdict:
    """Draws the verdict. The same evidence always has the same one."""
    values = judge_values(evidence)
    ranking = judge_ranking(evidence, values)
    of_what = "Values" if evidence.values is not None else "Values (rewards against the oracle's)"
    reasons = [f"Ranking: {ranking.name}: {ranking.rule}.", f"{of_what}: {values.name}: {values.rule}."]
    if ranking.name in ACCEPTED:
        return Verdict(ranking, values, reasons, EXIT_ACCEPTED)
    return Verdict(
        ranking, values, reasons, EXIT_CANNOT_TELL if ranking.name == "cannot tell" else EXIT_REFUSED
    )
