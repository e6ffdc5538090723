"""The nulls, the controls and the retest: frames and questions whose right answer is known without the model.

A score means little beside a null that has the same score: a published progress reward follows its videos
with a rank correlation of 0.950, and a repeated still frame with 0.987 (jcoleharrison/TOPReward,
reports/manirewardbench_static_frame_sweep.md). Not for changes that should not matter (``robustness.py``).
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from reward_audit.showing.conditions import Condition, Kind
from reward_client.rubric import ChoiceReadout, NumberReadout, Rubric, YesNoReadout


def _black(frame: NDArray[np.uint8], _rng: np.random.Generator) -> NDArray[np.uint8]:
    return np.zeros_like(frame)


def _noise(frame: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    return rng.integers(0, 256, frame.shape, dtype=np.uint8)


def _mirrored(frame: NDArray[np.uint8], _rng: np.random.Generator) -> NDArray[np.uint8]:
    return np.ascontiguousarray(frame[:, ::-1])


def _one_bit_off(frame: NDArray[np.uint8], _rng: np.random.Generator) -> NDArray[np.uint8]:
    """The lowest bit of the first pixel's blue is flipped: nothing to see, and no cache has the answer."""
    other = frame.copy()
    other[0, 0, 2] ^= 1
    return other


def _wrong_question(rubric: Rubric) -> Rubric:
    """A question of the same form, about something that is in no task's picture."""
    readout = rubric.readout
    if isinstance(readout, YesNoReadout):
        prompt = f"Is there a giraffe in the picture? Answer {readout.yes} or {readout.no}."
    elif isinstance(readout, ChoiceReadout):
        *first, last = readout.labels
        prompt = f"Where is the giraffe in the picture? Answer {', '.join(first)} or {last}."
    else:
        prompt = "How many giraffes are in the picture? Answer with a number."
    return rubric.model_copy(update={"prompt": prompt})


def _lower_case(rubric: Rubric) -> Rubric:
    """The labels keep their spelling: others would be answered, and not be read."""
    readout, prompt = rubric.readout, rubric.prompt.strip().rstrip(".?!")
    labels = [] if isinstance(readout, NumberReadout) else [re.escape(label) for label in readout.labels]
    parts = re.split(rf"(?<!\w)({'|'.join(labels)})(?!\w)", prompt) if labels else [prompt]
    lower = (part if place % 2 else part.lower() for place, part in enumerate(parts))
    return rubric.model_copy(update={"prompt": "".join(lower)})


def _announced(rubric: Rubric) -> Rubric:
    return rubric.model_copy(update={"prompt": f"Look at the picture. {rubric.prompt}"})


NULLS = (
    Condition(
        "retest",
        Kind.RETEST,
        "the same frame once more, with one bit of one pixel flipped so that no cache answers",
        0.03,
        picture=_one_bit_off,
    ),
    Condition("black", Kind.NULL, "a black frame for every state", 0.005, picture=_black, one_state=True),
    Condition("noise", Kind.NULL, "noise, drawn anew for every state", 0.08, picture=_noise),
    Condition("still", Kind.NULL, "one state's frame for every state", 0.005, one_state=True),
    Condition(
        "wrong_question",
        Kind.NULL,
        "the right frame, with a question about giraffes",
        0.09,
        question=_wrong_question,
    ),
    Condition(
        "mirrored",
        Kind.CONTROL,
        "left and right exchanged; the right answer is the mirrored one",
        0.04,
        picture=_mirrored,
        mirrored=True,
    ),
    Condition(
        "lower_case",
        Kind.CONTROL,
        "the question in lower case but for the answers it names, without its last mark",
        0.025,
        question=_lower_case,
    ),
    Condition(
        "announced",
        Kind.CONTROL,
        'the question with "Look at the picture." in front',
        0.025,
        question=_announced,
    ),
)
"""What an audit asks beside its sweep, always."""
