"""Parts of ``audit.html`` beside its tables of conditions: success states, calibration, abstention.

Not for the page as a whole (``audit_report.py``). Computes no result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from reward_report import html

NONE = "—"
"""In tables: undefined, such as a rank correlation of rewards that are all the same."""


def number(value: float | None) -> str:
    """A number with three digits."""
    return NONE if value is None else f"{value + 0.0:.3g}"  # no -0


def success_parts(success: Mapping[str, Any] | None) -> list[Markup]:
    """How the rewards tell success states from others, false positives first."""
    if success is None:
        return []
    successes, failures = success["successes"], success["failures"]
    count = successes + failures
    if not count:
        return [html.paragraph("No frame has a reward, so none is told to be a success.")]
    words = (
        f"Success: {success['definition'] or 'as the task says'}. Of {count} frames with a reward "
        f"{successes} show one and {failures} do not. Told to be a success are the {successes} frames with "
        "the highest rewards, and those that tie with the last of them. False positives matter most: an "
        "agent goes where it is wrongly told to have succeeded, and stays there."
    )
    if not successes or not failures:
        return [html.paragraph(f"{words} Rates need frames of both kinds.")]
    reward, oracle, share = success["reward"], success["oracle"], successes / count
    rows = [
        ("false positives: share of the others told to be a success", "false_positive_rate", share),
        ("misses: share of the successes not told", "false_negative_rate", 1 - share),
        ("AUROC: how often a success has the higher reward of two", "auroc", 0.5),
        ("threshold: the lowest reward of those told", "threshold", None),
    ]
    head = ("", "this reward", "a perfect reader's", "chance")
    table = [(title, number(reward[key]), number(oracle[key]), number(chance)) for title, key, chance in rows]
    return [html.paragraph(words), html.table(head, table)]


def mending_parts(report: Mapping[str, Any]) -> list[Markup]:
    """What came of calibration and abstention, where they were asked for."""
    calibration, abstention = report["calibration"], report["abstention"]
    unit = f" ({report['truth']['unit']})" if report["truth"] else ""
    parts = []
    if calibration is not None:
        parts.append(html.paragraph(calibration["told"]))
        errors = [
            (name, number(error), "written" if name == calibration["correction"] else "")
            for name, error in calibration["errors"].items()
        ]
        if errors:
            measured = f"mean error{unit} on {calibration['frames']['held_out']} frames held out"
            parts.append(html.table(("correction", measured, ""), errors))
    if abstention is not None:
        parts.append(html.paragraph(abstention["told"]))
        outcomes = [("as it is", abstention["before"]), ("with the limits", abstention["after"])]
        rows = [
            (title, number(outcome["error"]), f"{100 * outcome['coverage']:.0f} %")
            for title, outcome in outcomes
            if outcome
        ]
        if rows:
            parts.append(html.table(("", f"mean error{unit}", "frames with a reward"), rows))
    if report["mended"] is not None:
        parts.append(html.paragraph(f"{report['mended']} has it built in; audit it under its own name."))
    return parts
