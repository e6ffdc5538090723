"""From what the model answered about one image to its item in the response. Pure functions.

A reward leaves here only if it is finite and the answer could be read; else there is a status and a
sentence that says why. Not for asking (``scoring/scorer.py``).
"""

from __future__ import annotations

from dataclasses import replace

from reward_client.rubric import Rubric
from reward_client.schema import Explanation, ItemStatus, RewardItem
from reward_server.engine.interface import Answer
from reward_server.reading.readouts import Reading, read_answer, read_every_way
from reward_server.reading.reward_maps import corrected, reward_of


def reward_item(index: int, rubric: Rubric, answer: Answer, in_text: Answer | None) -> RewardItem:
    """The item of an image that was answered.

    Args:
        index: place of the image in its request.
        rubric: what was asked.
        answer: what its reward comes from.
        in_text: the same question answered in text, where an explanation is wanted.

    Returns:
        The item. Its value is the corrected one, where the rubric has a correction; an explanation tells what
        was read.
    """
    reading = read_answer(rubric, answer)
    value = reading.value
    if rubric.correction is not None and value is not None:
        value = corrected(value, rubric.correction)
    reward, status, message = None, reading.status, reading.message
    if status is ItemStatus.OK:
        try:
            reward = reward_of(rubric.reward, replace(reading, value=value))
        except OverflowError as error:
            status, message = ItemStatus.FAILED, str(error)
    return RewardItem(
        index=index,
        reward=reward,
        status=status,
        message=message,
        value=value,
        unit=rubric.unit,
        text=answer.text,
        probabilities=reading.probabilities,
        label_mass=reading.label_mass,
        explanation=None if in_text is None else _explanation(rubric, reading, in_text),
    )


def unscored(index: int, status: ItemStatus, message: str) -> RewardItem:
    """The item of an image that was not answered."""
    return RewardItem(index=index, reward=None, status=status, message=message)


def _explanation(rubric: Rubric, reading: Reading, in_text: Answer) -> Explanation:
    return Explanation(
        text=in_text.text,
        truncated=in_text.truncated,
        readouts=read_every_way(rubric, reading, in_text.text, truncated=in_text.truncated),
    )
