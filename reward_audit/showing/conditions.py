"""What a condition of an audit is: one way in which frames are asked about.

Not for the conditions themselves (``nulls.py``, ``robustness.py``), nor for how many frames each gets
(``plan.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from reward_client.rubric import Preprocess, Region, Rubric

Picture = Callable[[NDArray[np.uint8], np.random.Generator], NDArray[np.uint8] | bytes]
"""From a frame, ``(H, W, 3)`` uint8 RGB, and a source of randomness to what is sent: a frame, or a JPEG
file."""

Question = Callable[[Rubric], Rubric]

SHUFFLED, SHUFFLED_TOLD = "shuffled", "the sweep's own answers, dealt to other states; it costs no frames"
"""The null that is computed: frames shuffled among states would be answered as they were."""


class Kind(StrEnum):
    """What a condition is for."""

    SWEEP = "sweep"
    """frames as they are, with the question as it is"""
    RETEST = "retest"
    """the right answer is that of the first time"""
    NULL = "null"
    """there is nothing to see, or not what the question is about: agreement with the truth is chance"""
    CONTROL = "control"
    """the right answer is known, and a model that reads gives it"""
    ROBUSTNESS = "robustness"
    """the right answer is that of the frame as it was"""


def same_picture(frame: NDArray[np.uint8], _rng: np.random.Generator) -> NDArray[np.uint8]:
    """The frame as it is."""
    return frame


def same_question(rubric: Rubric) -> Rubric:
    """The question as it is."""
    return rubric


@dataclass(frozen=True)
class Condition:
    """One way in which frames are asked about.

    Attributes:
        name: in rows and tables.
        kind: what it is for.
        told: what is shown or asked, for people.
        share: of the audit's frames.
        picture: what is made of a frame.
        question: what is made of the rubric.
        preprocess: how a frame becomes the model's input.
        one_state: whether the frame of one state is shown for all states.
        mirrored: whether the frame shows the state's mirror image, so that the truth is another one.
    """

    name: str
    kind: Kind
    told: str
    share: float
    picture: Picture = same_picture
    question: Question = same_question
    preprocess: Preprocess | Region = Preprocess.PAD
    one_state: bool = False
    mirrored: bool = False


SWEEP = Condition("sweep", Kind.SWEEP, "every state as it is", 0.6)
