"""What the audit during training measured, in tables for the page of a run.

Not for the measures themselves (``training/watching/``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.reporting.label_tables import Table
from agent.reporting.wording import hundredths, percent, quoted

NONE = "not defined"


def window_table(watch: Mapping[str, Any]) -> Table:
    """Each window of a run: agreement, sameness, errors.

    Args:
        watch: as ``summary.json`` has it.
    """
    head = [
        "up to step",
        "frames",
        "no reward",
        "order of states that differ clearly",
        "τ_b of reward and perfect reward",
        "most frequent answer",
        "mean error of what was read",
    ]
    body = [
        [
            str(one["step"]),
            str(one["frames"]),
            percent(one["unscored_share"]),
            NONE if one["order"] is None else hundredths(one["order"]),
            NONE if one["tau_b"] is None else hundredths(one["tau_b"]),
            ""
            if one["top_answer"] is None
            else f"{quoted(one['top_answer'])}, {percent(one['top_answer_share'])}",
            "" if one["error"] is None else f"{one['error']:.2f}",
        ]
        for one in watch["windows"]
    ]
    return head, body


def nulls_table(watch: Mapping[str, Any]) -> Table:
    """What frames that show nothing, and the wrong question, were answered.

    Args:
        watch: as ``summary.json`` has it.
    """
    head = ["null", "frames", "with a reward", "mean reward", "from", "to", "most frequent answer"]
    body = [
        [
            kind.replace("_", " "),
            str(one["frames"]),
            str(one["scored"]),
            *(
                "" if one[key] is None else f"{one[key]:.3f}"
                for key in ("mean_reward", "least_reward", "greatest_reward")
            ),
            "" if one["top_answer"] is None else quoted(one["top_answer"]),
        ]
        for kind, one in watch["nulls"].items()
    ]
    return head, body
