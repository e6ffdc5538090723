"""Puts answers together: to the parts of a call, and to frames that were sent again. Pure functions.

Not for sending (``image_calls.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, TypeVar

from pydantic import BaseModel

from reward_client.errors import InvalidAnswerError
from reward_client.schema import (
    CompareResponse,
    ImageReadings,
    ItemStatus,
    ReadingsResponse,
    RewardItem,
    ScoreResponse,
    Timings,
    Usage,
)

Answer = TypeVar("Answer", ScoreResponse, ReadingsResponse, CompareResponse)
Scored = TypeVar("Scored", ScoreResponse, ReadingsResponse)
Item = TypeVar("Item", bound=BaseModel)


def failed_places(answer: ScoreResponse | ReadingsResponse) -> list[int]:
    """The places of the frames that the engine failed on; those of rubrics that it cannot answer are none."""
    if isinstance(answer, ScoreResponse):
        return [item.index for item in answer.data if _has_failed(item)]
    asked = [place for place, rubric in enumerate(answer.rubrics) if rubric.unavailable is None]
    return [
        image.index for image in answer.data if any(_has_failed(image.readings[place]) for place in asked)
    ]


def merged(answer: Scored, places: Sequence[int], again: Scored) -> Scored:
    """Puts the items of a second try in the place of those that had failed.

    Args:
        answer: the first answer.
        places: of the frames that were sent again, in order.
        again: the answer to them.

    Raises:
        InvalidAnswerError: the second answer's rewards are of another kind, so that they do not mix.
    """
    _check_same_rewards(answer, again)
    items: list[Any] = list(answer.data)
    for place, item in zip(places, again.data, strict=True):
        items[place] = _moved(_better(items[place], item), place)
    # they are still the same images
    usage = answer.usage.plus(again.usage).model_copy(update={"images": answer.usage.images})
    return answer.model_copy(update={"data": items, "usage": usage})


def joined(answers: Sequence[Answer]) -> Answer:
    """Puts the answers to the parts of a call together.

    Raises:
        InvalidAnswerError: their rewards are not of one kind.
    """
    for answer in answers[1:]:
        _check_same_rewards(answers[0], answer)
    items = [item for answer in answers for item in answer.data]
    return answers[0].model_copy(
        update={
            "data": [_moved(item, index) for index, item in enumerate(items)],
            "usage": reduce(Usage.plus, (answer.usage for answer in answers)),
            "timings": reduce(_summed, (answer.timings for answer in answers)),
        }
    )


def _has_failed(item: RewardItem) -> bool:
    """Whether the engine failed on it, or on a rubric of an ensemble: the mean of fewer is another reward."""
    return any(one.status is ItemStatus.FAILED for one in (item, *(item.readings or ())))


def _better(item: Item, again: Item) -> Item:
    """The second try, unless it has no reward where the first had one; of several readings each."""
    if isinstance(item, RewardItem) and isinstance(again, RewardItem):
        return item if again.reward is None and item.reward is not None else again
    if not isinstance(item, ImageReadings) or not isinstance(again, ImageReadings):
        return again
    readings = [
        _better(old, new) if _has_failed(old) else old
        for old, new in zip(item.readings, again.readings, strict=True)
    ]
    return again.model_copy(update={"readings": readings})


def _moved(item: Item, index: int) -> Item:
    """An item at another place, with the readings in it."""
    update: dict[str, Any] = {"index": index}
    if readings := getattr(item, "readings", None):
        update["readings"] = [_moved(reading, index) for reading in readings]
    return item.model_copy(update=update)


def _summed(first: Timings, second: Timings) -> Timings:
    return Timings(**{name: value + getattr(second, name) for name, value in first})


def _check_same_rewards(first: Answer, second: Answer) -> None:
    before, after = _reward_ids(first), _reward_ids(second)
    if before != after:
        raise InvalidAnswerError(
            f"the server's rewards changed during a call (reward id {before}, then {after}); it serves "
            "another model or rubric now"
        )


def _reward_ids(answer: ScoreResponse | ReadingsResponse | CompareResponse) -> str:
    if isinstance(answer, ReadingsResponse):
        return ", ".join(str(rubric.reward_id) for rubric in answer.rubrics)
    return answer.reward_id
