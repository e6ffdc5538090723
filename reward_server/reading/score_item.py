"""From what the model answered about one frame to its item in the response. Pure functions.

A reward leaves here only if it is finite and the answer could be read; else there is a status and a
sentence that says why. Not for asking (``scoring/scorer.py``).
"""

from __future__ import annotations

import math

from reward_client.rubric import LabelReadout, Rubric
from reward_client.schema import Explanation, ItemStatus, RewardItem
from reward_server.engine.interface import Answer, Generation
from reward_server.reading.readouts import Reading, read_every_way, read_labels, read_text
from reward_server.reading.reward_maps import reward_of


def item_of_labels(
    index: int, rubric: Rubric, readout: LabelReadout, answer: Answer, generation: Generation | None
) -> RewardItem:
    """The item of an answer in label probabilities.

    Args:
        index: place of the frame in its request.
        rubric: what was asked.
        readout: the rubric's readout.
        answer: the probabilities.
        generation: the same question answered in text, where an explanation is wanted.
    """
    if has_no_probabilities(answer):
        return unscored(index, ItemStatus.FAILED, "the model's probabilities are not finite")
    reading = read_labels(readout, answer.logprobs)
    refusal = None
    if reading.label_mass < readout.min_label_mass:
        message = low_mass_message(reading.label_mass, readout.min_label_mass)
        refusal = (ItemStatus.LOW_LABEL_MASS, message)
    item = _item(index, rubric, reading, answer.text, refusal)
    return item.model_copy(
        update={
            "probabilities": reading.probabilities,
            "label_mass": reading.label_mass,
            "explanation": _explanation(rubric, reading, generation) if generation else None,
        }
    )


def item_of_text(index: int, rubric: Rubric, generation: Generation, *, explain: bool) -> RewardItem:
    """The item of an answer in text.

    Args:
        index: place of the frame in its request.
        rubric: what was asked; its readout is ``number``.
        generation: the text.
        explain: whether an explanation is wanted.
    """
    number = read_text(rubric, generation.text, truncated=generation.truncated)
    refusal = (ItemStatus.UNPARSABLE, number.reason) if number.value is None else None
    item = _item(index, rubric, Reading(number.value, {}, 1.0), generation.text, refusal)
    if not explain:
        return item
    return item.model_copy(update={"explanation": _explanation(rubric, None, generation)})


def unscored(index: int, status: ItemStatus, message: str) -> RewardItem:
    """The item of a frame that was not answered."""
    return RewardItem(index=index, reward=None, status=status, message=message)


def has_no_probabilities(answer: Answer) -> bool:
    """Whether a model's label probabilities are not finite numbers, or all zero."""
    values = answer.logprobs.values()
    return any(math.isnan(value) or value == math.inf for value in values) or max(values) == -math.inf


def low_mass_message(label_mass: float, wanted: float) -> str:
    """Why an answer outside the labels has no reward."""
    return (
        f"the model gives the labels a probability of {label_mass:.3g} together; the rubric asks for "
        f"{wanted:g}"
    )


def _item(
    index: int, rubric: Rubric, reading: Reading, text: str, refusal: tuple[ItemStatus, str] | None
) -> RewardItem:
    reward = None
    if refusal is None:
        try:
            reward = reward_of(rubric.reward, reading)
        except OverflowError as error:
            refusal = (ItemStatus.FAILED, str(error))
    status, message = refusal or (ItemStatus.OK, None)
    return RewardItem(
        index=index,
        reward=reward,
        status=status,
        message=message,
        value=reading.value,
        unit=rubric.unit,
        text=text,
    )


def _explanation(rubric: Rubric, reading: Reading | None, generation: Generation) -> Explanation:
    return Explanation(
        text=generation.text,
        truncated=generation.truncated,
        readouts=read_every_way(rubric, reading, generation.text, truncated=generation.truncated),
    )
