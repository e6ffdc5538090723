"""A straight line from what a model reads to what is true, and the rubric that has it built in.

A reader that is off by an offset or a scale ranks frames wrongly around the target and can be mended without
training. Not for readers that are noisy or blind: no line mends those, and then there is no calibration.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from scipy import stats

from reward_audit.findings import Answered
from reward_audit.measures import values
from reward_client.rubric import AffineMap, DistanceMap, RewardMap, Rubric

MIN_FRAMES = 50
"""Read frames in each half below which no line is fitted."""

MUST_GAIN = 0.1
"""Share of the error, on frames that the line was not fitted on, that it must take away to be of use."""


@dataclass(frozen=True)
class Calibration:
    """``true = scale * read + offset``.

    Attributes:
        scale: slope of the line.
        offset: in the values' unit.
        error_before: mean absolute error of what was read, on frames that the line was not fitted on.
        error_after: the same of what the line makes of it.
        frames: on which both were measured.
    """

    scale: float
    offset: float
    error_before: float
    error_after: float
    frames: int


def calibrate(sweep: Answered) -> Calibration | None:
    """Fits a line on every other frame that was read, and measures it on the others.

    The line is of Siegel's repeated medians ("Robust regression using repeated medians", Biometrika 69, 1982;
    ``scipy.stats.siegelslopes``), which wild readings hardly move.

    Returns:
        The line; None where values are not read, too few are, or it does not help.
    """
    if sweep.values is None or sweep.truth is None:
        return None
    there = ~np.isnan(sweep.values)
    read, error = sweep.values[there], values.errors(sweep.values, sweep.truth, sweep.period)
    true = read - error  # the truth, on the side of a period's end on which the reading is
    if len(read) < 2 * MIN_FRAMES or np.ptp(read[::2]) == 0:
        return None
    line = stats.siegelslopes(true[::2], read[::2])
    scale, offset = float(line.slope), float(line.intercept)
    before = values.mean_absolute_error(read[1::2], true[1::2])
    after = values.mean_absolute_error(scale * read[1::2] + offset, true[1::2])
    if scale == 0 or before is None or after is None or after > (1 - MUST_GAIN) * before:
        return None
    return Calibration(scale, offset, before, after, len(read[1::2]))


def calibrated_rubric(rubric: Rubric, line: Calibration) -> Rubric | None:
    """The rubric whose rewards are those of the line's values; what it reads stays as it is.

    Returns:
        The rubric; None where its reward map takes no value.

    >>> from reward_client.rubric import Rubric
    >>> rubric = Rubric.model_validate({
    ...     "prompt": "How far?", "readout": {"type": "number"},
    ...     "reward": {"type": "distance", "target": 0, "tolerance": 12}})
    >>> mended = calibrated_rubric(rubric, Calibration(2.0, -4.0, 5.0, 0.1, 100))
    >>> mended.reward.target, mended.reward.tolerance  # a reading of 2 is a true 0
    (2.0, 6.0)
    """
    reward: RewardMap
    if isinstance(rubric.reward, DistanceMap):
        target = (rubric.reward.target - line.offset) / line.scale
        change = {"target": target, "tolerance": rubric.reward.tolerance / abs(line.scale)}
        reward = rubric.reward.model_copy(update=change)
    elif isinstance(rubric.reward, AffineMap):
        factor = rubric.reward.scale
        change = {"scale": factor * line.scale, "offset": factor * line.offset + rubric.reward.offset}
        reward = rubric.reward.model_copy(update=change)
    else:
        return None
    return rubric.model_copy(update={"reward": reward, "version": rubric.version + 1})


def write_rubric(path: Path, rubric: Rubric, line: Calibration, unit: str) -> None:
    """Writes a calibrated rubric as a YAML file that a server takes from its folder of rubrics."""
    comment = (
        f"# Calibrated by reward-audit: true = {line.scale:.4g} * read + {line.offset:.4g} {unit}. On "
        f"{line.frames} frames\n# that this was not fitted on the mean error falls from "
        f"{line.error_before:.3g} to {line.error_after:.3g} {unit}. What is read stays as it is.\n"
    )
    content = rubric.model_dump(mode="json", by_alias=True, exclude_none=True)
    path.write_text(comment + yaml.safe_dump(content, sort_keys=False, width=100), encoding="utf-8")
