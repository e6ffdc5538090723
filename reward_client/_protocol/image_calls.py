"""The calls that send images: split by the server's limits, sent again where frames failed, put together.

No sockets here (``calls.py`` says how a call is driven).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

import httpx

from reward_client._protocol.answers import read_comparisons, read_readings, read_scores
from reward_client._protocol.attempts import RETRIED, Attempts
from reward_client._protocol.bodies import (
    Ask,
    Body,
    Item,
    file_of,
    files_body,
    frames_body,
    json_body,
    pairs_body,
)
from reward_client._protocol.calls import Call, Pause, Session, Work, exchange, info
from reward_client._protocol.joining import Answer, failed_places, joined, merged
from reward_client._protocol.readiness import LOOK_TIMEOUT_S
from reward_client.errors import (
    InvalidRequestError,
    MediaTypeError,
    RequestTooLargeError,
    RewardServiceError,
)
from reward_client.frames import Frame, own_frames
from reward_client.requests import MAX_IMAGES
from reward_client.schema import (
    JSON,
    CompareResponse,
    Limits,
    ReadingsResponse,
    ScoreResponse,
)
from reward_client.wording.ensemble import Ensemble

MAX_FRAME_RETRIES = 4
"""An engine that fails on a frame so often will go on failing on it."""

ASK_ABOVE_IMAGES = 16
"""A call of more images asks for the server's limits first; most servers take so many."""

BODY_BESIDE_IMAGES = 65_536
"""Bytes of a body that are kept free for the rubric."""

BESIDE_AN_IMAGE = 200
"""Bytes of a body around an image, at most: the boundary and the headers of its part."""

MAX_ARRAY_BYTES = 256 * 2**20
"""Of the arrays of one call; a call of more keeps PNG files, which take a hundredth, while it is sent."""

Scored = TypeVar("Scored", ScoreResponse, ReadingsResponse)
Reader = Callable[[httpx.Response, Sequence[str]], Scored]
"""Reads an answer about images with these digests."""

Unit = tuple[Item, ...]
"""What one item of an answer is about: one image, or the two of a pair."""


def score(session: Session, frames: object, ask: Ask) -> Call[ScoreResponse]:
    """Scores frames, in as many requests as the server's limits ask for.

    Raises:
        ValueError: no frames, something that is not a frame, or variables that do not go with them.
    """
    return (yield from _ask_about(session, frames, ask, read_scores))


def score_rubrics(session: Session, frames: object, ask: Ask) -> Call[ReadingsResponse]:
    """Scores frames by several rubrics, as ``score`` does."""
    rubrics = len(ask.rubric) if isinstance(ask.rubric, tuple) else 1

    def read(response: httpx.Response, sha256s: Sequence[str]) -> ReadingsResponse:
        return read_readings(response, sha256s, rubrics)

    return (yield from _ask_about(session, frames, ask, read))


def _ask_about(session: Session, frames: object, ask: Ask, read: Reader[Scored]) -> Call[Scored]:
    items = own_frames(frames, MAX_ARRAY_BYTES)
    if not items:
        raise ValueError("there are no frames to score")
    ask.check_variables(len(items))
    yield from _know(session, len(items))
    if not _go_as_array(session, items):
        items = yield from _files(items)
    units = [(item,) for item in items]

    def one(places: range) -> Call[Scored]:
        return _score(session, [units[place] for place in places], ask.about(places), read)

    return (yield from _in_parts(session, units, one, ask.bytes_beside))


def _files(items: Sequence[Item]) -> Call[list[Item]]:
    """Items as image files."""
    files: list[Item] = yield Work(lambda: [file_of(item) for item in items])
    return files


def _know(session: Session, images: int) -> Call[None]:
    """Asks for what the server says of itself where a call needs it, or further ones may be faster for it."""
    if session.server is not None:
        return
    if images > ASK_ABOVE_IMAGES:
        yield from info(session)
    elif session.has_answered and not session.was_asked:
        session.was_asked = True
        with suppress(RewardServiceError):
            yield from info(session, Attempts(0, LOOK_TIMEOUT_S, LOOK_TIMEOUT_S, session.rng))


def _go_as_array(session: Session, items: Sequence[Item]) -> bool:
    """Whether all frames of a call can be sent as arrays, so that the server sees what it would accept."""
    limits = session.limits
    if limits is None or session.array_size_px is None:
        return False
    for item in items:
        if isinstance(item, bytes):
            return False
        short, long = sorted(item.shape[:2])
        if short * long > limits.max_image_pixels or long > limits.max_aspect_ratio * short:
            return False  # as a file it is refused, with the reason, and the others are scored
    return True


def compare(session: Session, pairs: Iterable[tuple[Frame, Frame]], ask: Ask) -> Call[CompareResponse]:
    """Compares pairs, in as many requests as the server's limits ask for.

    Raises:
        ValueError: no pairs, or something that is not a pair of frames.
    """
    if isinstance(ask.rubric, Ensemble):
        raise ValueError("pairs are compared by one rubric that has a goal, not by an ensemble")
    if not isinstance(pairs, Iterable):
        raise ValueError(f"pairs is of type {type(pairs).__name__}; pass a list of pairs of frames")
    frames = own_frames(_both_of_each(pairs), MAX_ARRAY_BYTES, lambda place: f"pair {place // 2}")
    if not frames:
        raise ValueError("there are no pairs to compare")
    files = yield from _files(frames)
    units = list(zip(files[::2], files[1::2], strict=True))
    if session.server is None and 2 * len(units) > ASK_ABOVE_IMAGES:
        yield from info(session)

    def one(places: range) -> Call[CompareResponse]:
        return _compare(session, [units[place] for place in places], ask)

    return (yield from _in_parts(session, units, one))


def _both_of_each(pairs: Iterable[tuple[Frame, Frame]]) -> Iterator[Frame]:
    for place, pair in enumerate(pairs):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise ValueError(f"pair {place} is not two frames: pass (first, second)")
        yield from pair


def _in_parts(
    session: Session,
    items: Sequence[Unit],
    one: Callable[[range], Call[Answer]],
    bytes_beside: Callable[[int], int] = lambda _: 0,
) -> Call[Answer]:
    """Sends items in requests that the server takes, one after another, and puts the answers together.

    Args:
        session: of the client.
        items: of the whole call.
        one: asks about the items at some places of it, in one request.
        bytes_beside: what goes with the item at a place, in bytes of a body.
    """
    per_item = len(items[0])
    answers, done = list[Answer](), 0
    at_most, asked = len(items), False
    while done < len(items):
        most = min(_most_items(session.limits, per_item), at_most)
        places = range(done, min(done + most, len(items)))
        count = _fitting([(items[place], bytes_beside(place)) for place in places], session)
        try:
            answers.append((yield from one(places[:count])))
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
    return joined(answers)


def _most_items(limits: Limits | None, per_item: int) -> int:
    return (
        MAX_IMAGES if limits is None else max(min(limits.max_images_per_request, MAX_IMAGES) // per_item, 1)
    )


def _fitting(items: Sequence[tuple[Unit, int]], session: Session) -> int:
    """How many of these items, with the bytes beside them, a body may hold; one is always tried."""
    limits = session.limits
    left = math.inf if limits is None else limits.max_body_bytes - BODY_BESIDE_IMAGES
    for count, (unit, beside) in enumerate(items):
        left -= beside + sum(_bytes_in_body(item, session) for item in unit)
        if left < 0:
            return max(count, 1)
    return len(items)


def _bytes_in_body(item: Item, session: Session) -> int:
    """At most so many; of a file as base64, since a server or a proxy may come to refuse other bodies."""
    if isinstance(item, bytes):
        return 4 * math.ceil(len(item) / 3) + BESIDE_AN_IMAGE
    size_px = session.array_size_px
    return 3 * size_px**2 if size_px is not None else 2 * item.nbytes


def _score(session: Session, images: Sequence[Unit], ask: Ask, read: Reader[Scored]) -> Call[Scored]:
    """One request, and those after it for the frames that the engine failed on."""
    attempts = session.attempts()
    answer = yield from _score_once(session, attempts, images, ask, read)
    for _ in range(MAX_FRAME_RETRIES):
        failed = failed_places(answer)  # other statuses would come again
        delay_s = attempts.delay_s(None) if failed else None
        if delay_s is None:
            break
        closed = yield Pause(delay_s)
        if closed:
            break
        some = [images[place] for place in failed]
        try:
            again = yield from _score_once(session, attempts, some, ask.about(failed), read)
        except RETRIED:
            break  # the rewards at hand are good
        answer = merged(answer, failed, again)
    return answer


def _score_once(
    session: Session, attempts: Attempts, images: Sequence[Unit], ask: Ask, read: Reader[Scored]
) -> Call[Scored]:
    """One request; again in another form where the one that was thought the fastest is refused."""
    items, fitted_anew = [item for (item,) in images], False
    while True:
        body: Body = yield Work(_score_body(session, items, ask))
        try:
            response = yield from exchange(attempts, "POST", "/score", body.content, body.media_type)
        except (MediaTypeError, RequestTooLargeError):  # an older replica's, or a proxy's limit
            if body.media_type == JSON:
                raise
            session.parts_refused = True
        except InvalidRequestError as error:  # another model is served now
            if error.code != "other_input_size" or fitted_anew:
                raise
            fitted_anew = True
            yield from info(session)
        else:
            session.has_answered = True
            return read(response, body.sha256s)


def _score_body(session: Session, items: Sequence[Item], ask: Ask) -> Callable[[], Body]:
    """Makes the body in the form that is the fastest as far as the session knows now."""
    size_px = session.array_size_px
    if size_px is not None:
        frames = [item for item in items if not isinstance(item, bytes)]
        if len(frames) == len(items):
            return partial(frames_body, frames, ask, size_px)
    return partial(files_body if session.takes_parts else json_body, items, ask)


def _compare(session: Session, pairs: Sequence[Unit], ask: Ask) -> Call[CompareResponse]:
    body: Body = yield Work(partial(pairs_body, pairs, ask))
    response = yield from exchange(session.attempts(), "POST", "/compare", body.content)
    sha256s = list(zip(body.sha256s[::2], body.sha256s[1::2], strict=True))
    return read_comparisons(response, sha256s)
