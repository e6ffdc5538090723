"""The calls that send images: split by the server's limits, sent again where frames failed, put together.

No sockets here (``calls.py`` says how a call is driven).
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TypeVar

from reward_client._protocol.answers import read_comparisons, read_scores
from reward_client._protocol.attempts import RETRIED, Attempts
from reward_client._protocol.calls import Call, Pause, Session, exchange, info
from reward_client.errors import InvalidAnswerError, InvalidRequestError, RequestTooLargeError
from reward_client.frames import Frame, image_file, image_files
from reward_client.rubric import Preprocess, Region, Rubric
from reward_client.schema import (
    MAX_IMAGES,
    CompareRequest,
    CompareResponse,
    ItemStatus,
    Limits,
    Pair,
    ScoreRequest,
    ScoreResponse,
    Timings,
    Usage,
)

MAX_FRAME_RETRIES = 4
"""An engine that fails on a frame so often will go on failing on it."""

ASK_ABOVE_IMAGES = 16
"""A call of more images asks for the server's limits first; most servers take so many."""

BODY_BESIDE_IMAGES = 65_536
"""Bytes of a body that are kept free for the rubric."""

BESIDE_AN_IMAGE = 32
"""Bytes of a body around an image's base64: quotes, a comma, the name of its field."""

Answer = TypeVar("Answer", ScoreResponse, CompareResponse)
Counts = TypeVar("Counts", Usage, Timings)
Unit = tuple[bytes, ...]
"""The image files of one item of an answer: one image, or the two of a pair."""


@dataclass(frozen=True)
class Ask:
    """What is asked about each item of a call, and how."""

    rubric: str | Rubric
    preprocess: Preprocess | Region
    explain: bool = False

    @classmethod
    def of(cls, rubric: str | Rubric, preprocess: Preprocess | Region | str, *, explain: bool = False) -> Ask:
        """Takes what a caller passes.

        Raises:
            ValueError: there is no such preprocessing.
        """
        if not isinstance(rubric, str | Rubric):
            raise ValueError(f"rubric is of type {type(rubric).__name__}; pass a rubric's name or a Rubric")
        return cls(rubric, Preprocess(preprocess) if isinstance(preprocess, str) else preprocess, explain)


def score(session: Session, frames: object, ask: Ask) -> Call[ScoreResponse]:
    """Scores frames, in as many requests as the server's limits ask for.

    Raises:
        ValueError: no frames, or something that is not a frame.
    """
    units = [(file,) for file in image_files(frames)]
    if not units:
        raise ValueError("there are no frames to score")
    return (yield from _in_parts(session, units, lambda part: _score(session, part, ask)))


def compare(session: Session, pairs: Iterable[tuple[Frame, Frame]], ask: Ask) -> Call[CompareResponse]:
    """Compares pairs, in as many requests as the server's limits ask for.

    Raises:
        ValueError: no pairs, or something that is not a pair of frames.
    """
    if not isinstance(pairs, Iterable):
        raise ValueError(f"pairs is of type {type(pairs).__name__}; pass a list of pairs of frames")
    units = []
    for place, pair in enumerate(pairs):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise ValueError(f"pair {place} is not two frames: pass (first, second)")
        units.append(tuple(image_file(frame, f"pair {place}") for frame in pair))
    if not units:
        raise ValueError("there are no pairs to compare")
    return (yield from _in_parts(session, units, lambda part: _compare(session, part, ask)))


def _in_parts(
    session: Session, items: Sequence[Unit], one: Callable[[Sequence[Unit]], Call[Answer]]
) -> Call[Answer]:
    """Sends items in requests that the server takes, one after another, and puts the answers together."""
    per_item = len(items[0])
    if session.limits is None and len(items) * per_item > ASK_ABOVE_IMAGES:
        yield from info(session)
    answers, done = list[Answer](), 0
    at_most, asked = len(items), False
    while done < len(items):
        most = min(_most_items(session.limits, per_item), at_most)
        count = _fitting(items[done : done + most], session.limits)
        try:
            answers.append((yield from one(items[done : done + count])))
        except (InvalidRequestError, RequestTooLargeError) as error:
            if count == 1 or not (isinstance(error, RequestTooLargeError) or error.code == "too_many_images"):
                raise
            known = session.limits
            if not asked:
                yield from info(session)
            if asked or session.limits == known:  # a proxy's limit, or another replica's
                at_most = count // 2
            asked = True
        else:
            done, asked = done + count, False
    return _joined(answers)


def _most_items(limits: Limits | None, per_item: int) -> int:
    return (
        MAX_IMAGES if limits is None else max(min(limits.max_images_per_request, MAX_IMAGES) // per_item, 1)
    )


def _fitting(items: Sequence[Unit], limits: Limits | None) -> int:
    """How many of these items a body may hold; one is always tried."""
    left = math.inf if limits is None else limits.max_body_bytes - BODY_BESIDE_IMAGES
    for count, item in enumerate(items):
        left -= sum(4 * math.ceil(len(data) / 3) + BESIDE_AN_IMAGE for data in item)
        if left < 0:
            return max(count, 1)
    return len(items)


def _score(session: Session, images: Sequence[Unit], ask: Ask) -> Call[ScoreResponse]:
    """One request, and those after it for the frames that the engine failed on."""
    attempts = session.attempts()
    answer = yield from _score_once(attempts, images, ask)
    for _ in range(MAX_FRAME_RETRIES):
        # other statuses would come again
        failed = [item.index for item in answer.data if item.status is ItemStatus.FAILED]
        delay_s = attempts.delay_s(None) if failed else None
        if delay_s is None:
            break
        closed = yield Pause(delay_s)
        if closed:
            break
        try:
            again = yield from _score_once(attempts, [images[index] for index in failed], ask)
        except RETRIED:
            break  # the rewards at hand are good
        answer = _merged(answer, failed, again)
    return answer


def _score_once(attempts: Attempts, images: Sequence[Unit], ask: Ask) -> Call[ScoreResponse]:
    request = ScoreRequest(
        images=[_base64(data) for (data,) in images],
        rubric=ask.rubric,
        preprocess=ask.preprocess,
        explain=ask.explain,
    )
    response = yield from exchange(
        attempts, "POST", "/score", request.model_dump_json(exclude_none=True).encode()
    )
    return read_scores(response, [_sha256(data) for (data,) in images])


def _compare(session: Session, pairs: Sequence[Unit], ask: Ask) -> Call[CompareResponse]:
    request = CompareRequest(
        pairs=[Pair(first=_base64(first), second=_base64(second)) for first, second in pairs],
        rubric=ask.rubric,
        preprocess=ask.preprocess,
    )
    body = request.model_dump_json(exclude_none=True).encode()
    response = yield from exchange(session.attempts(), "POST", "/compare", body)
    return read_comparisons(response, [(_sha256(first), _sha256(second)) for first, second in pairs])


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _merged(answer: ScoreResponse, indices: Sequence[int], again: ScoreResponse) -> ScoreResponse:
    """Puts the items of a second try in the place of those that had failed.

    Args:
        answer: the first answer.
        indices: places of the frames that were sent again, in order.
        again: the answer to them.

    Raises:
        InvalidAnswerError: the second answer's rewards are of another kind, so that they do not mix.
    """
    _check_same_rewards(answer, again)
    items = list(answer.data)
    for index, item in zip(indices, again.data, strict=True):
        items[index] = item.model_copy(update={"index": index})
    # they are still the same images
    usage = _summed(answer.usage, again.usage).model_copy(update={"images": answer.usage.images})
    return answer.model_copy(update={"data": items, "usage": usage})


def _joined(answers: Sequence[Answer]) -> Answer:
    """Puts the answers to the parts of a call together.

    Raises:
        InvalidAnswerError: their rewards are not of one kind.
    """
    for answer in answers[1:]:
        _check_same_rewards(answers[0], answer)
    items = [item for answer in answers for item in answer.data]
    return answers[0].model_copy(
        update={
            "data": [item.model_copy(update={"index": index}) for index, item in enumerate(items)],
            "usage": reduce(_summed, (answer.usage for answer in answers)),
            "timings": reduce(_summed, (answer.timings for answer in answers)),
        }
    )


def _summed(first: Counts, second: Counts) -> Counts:
    return type(first)(**{name: value + getattr(second, name) for name, value in first})


def _check_same_rewards(first: Answer, second: Answer) -> None:
    if first.reward_id != second.reward_id:
        raise InvalidAnswerError(
            f"the server's rewards changed during a call (reward id {first.reward_id}, then "
            f"{second.reward_id}); it serves another model or rubric now"
        )
