"""What a verdict is drawn from, and what a conclusion is. Not for drawing it: that is ``verdict``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Name = Literal[
    "trustworthy",
    "usable with care",
    "collapsed",
    "ungrounded",
    "inverted",
    "biased",
    "noisy",
    "saturated",
    "cannot tell",
]
"""What a conclusion can be. *Collapsed*: nearly the same whatever the frame shows. *Ungrounded*: no more
related to the frame than chance, or as much without it. *Inverted*: against the truth. *Biased*: right but
for an offset or a scale. *Noisy*: related, with errors too large. *Saturated*: right where it says anything,
and the same for too many different states. *Cannot tell*: too few frames, or too many nulls."""


@dataclass(frozen=True)
class Evidence:
    """Everything that a verdict is drawn from; arrays of N are aligned by frame.

    Attributes:
        rewards: ``(N,)`` float64, NaN where null.
        oracle: ``(N,)`` float64, what a perfect reader's reward would be.
        values: ``(N,)`` float64, what was read, NaN where null; None where the rubric reads no value in the
            truth's unit.
        truth: ``(N,)`` float64, what is true in that unit; None with ``values``.
        period: after which a value is the same again, in that unit; None for none.
        answers: ``(N,)`` verbatim; None where there is no answer.
        bounds: the lowest and the highest reward that the rubric can give.
        null_taus: Kendall's τ_b between the rewards of each null (``black``, ``noise``, ``still``,
            ``shuffled``, ``wrong_question``) and the oracle of the frames that they stand for; None where
            undefined.
        retest: ``(M, 2)`` float64, rewards of the same frames scored twice (mirrored or encoded anew, too);
            None where that was not done.
        visited: ``(N,)`` bool, True for frames that policies visit, False for the uniform grid; None where it
            is not known. All False where no visited state was asked about.

    Raises:
        ValueError: the arrays do not fit together.
    """

    rewards: NDArray[np.float64]
    oracle: NDArray[np.float64]
    values: NDArray[np.float64] | None
    truth: NDArray[np.float64] | None
    period: float | None
    answers: Sequence[str | None]
    bounds: tuple[float, float]
    null_taus: Mapping[str, float | None]
    retest: NDArray[np.float64] | None
    visited: NDArray[np.bool_] | None

    def __post_init__(self) -> None:
        """Checks what can be checked."""
        aligned = {
            name: value
            for name in ("rewards", "oracle", "values", "truth", "answers", "visited")
            if (value := getattr(self, name)) is not None
        }
        if len({len(value) for value in aligned.values()}) != 1:
            lengths = {name: len(value) for name, value in aligned.items()}
            raise ValueError(f"the evidence differs in length: {lengths}")
        if (self.values is None) != (self.truth is None):
            raise ValueError("values and truth are given together, or neither is")
        if not self.bounds[0] < self.bounds[1]:
            raise ValueError(f"the bounds of the reward are no range: {self.bounds}")
        if not np.isfinite(self.oracle).all() or (
            self.truth is not None and not np.isfinite(self.truth).all()
        ):
            raise ValueError("what is true is known of every frame; the oracle or the truth is not finite")


@dataclass(frozen=True)
class Judgement:
    """One conclusion.

    Attributes:
        name: the conclusion.
        rule: the rule that triggered it, in words, with its numbers.
        numbers: what was measured; a measure that is undefined is absent.
    """

    name: Name
    rule: str
    numbers: dict[str, float]


def parts(evidence: Evidence) -> dict[str, NDArray[np.bool_]]:
    """The frames that are judged together: all and, where it is known, the grid's and the visited ones.

    Returns:
        ``all``, ``grid`` and ``visited``, each ``(N,)``. A part without frames is absent.
    """
    found = {"all": np.ones(len(evidence.rewards), dtype=bool)}
    if evidence.visited is not None:
        found |= {"grid": ~evidence.visited, "visited": evidence.visited}
    return {name: frames for name, frames in found.items() if frames.any()}


PART_WORDS = {"all": "over all frames", "grid": "on the grid", "visited": "on the states that policies visit"}
