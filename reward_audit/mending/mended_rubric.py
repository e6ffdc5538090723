"""The rubric with what an audit found built in, and its file, for a server's folder of rubrics.

Not for finding it (``calibration.py``, ``abstention.py``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from reward_audit.mending.abstention import Abstention
from reward_audit.mending.calibration import Calibration
from reward_client.rubric import NumberReadout, Rubric


def mended_rubric(
    rubric: Rubric, calibration: Calibration | None, abstention: Abstention | None
) -> Rubric | None:
    """A rubric with a correction and limits.

    Args:
        rubric: that was audited.
        calibration: None where none was asked for.
        abstention: None where none was asked for.

    Returns:
        The next version of the rubric; None where nothing was found that helps.
    """
    changes: dict[str, Any] = {}
    if calibration is not None and calibration.knots is not None:
        changes["correction"] = calibration.knots
    if abstention is not None and not isinstance(rubric.readout, NumberReadout):
        limits = {"min_label_mass": abstention.min_label_mass, "max_entropy": abstention.max_entropy}
        if found := {name: limit for name, limit in limits.items() if limit is not None}:
            changes["readout"] = rubric.readout.model_copy(update=found)
    if not changes:
        return None
    return rubric.model_copy(update={**changes, "version": rubric.version + 1})


def write_rubric(path: Path, rubric: Rubric, told: list[str]) -> None:
    """Writes a rubric as a YAML file.

    Args:
        path: the file.
        rubric: from ``mended_rubric``.
        told: sentences that stand on top as comments.
    """
    comment = "".join(f"# {line}\n" for line in ("Written by reward-audit.", *told))
    content = rubric.model_dump(mode="json", by_alias=True, exclude_none=True)
    text = yaml.safe_dump(content, sort_keys=False, width=100, default_flow_style=None, allow_unicode=True)
    path.write_text(comment + text, encoding="utf-8")
