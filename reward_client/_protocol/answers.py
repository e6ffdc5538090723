"""Reads answers, and makes sure that an answer is to what was asked. No sockets here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from reward_client._protocol.connection import without_password
from reward_client.errors import (
    BY_STATUS,
    InvalidAnswerError,
    RequestTimeoutError,
    RewardServiceError,
    ServerUnreachableError,
)
from reward_client.schema import CompareResponse, ErrorResponse, ReadingsResponse, ScoreResponse

Model = TypeVar("Model", bound=BaseModel)

ECHO = "X-Client-Request-Id"
"""The server sends it back as it came. ``X-Request-Id`` is no proof: Envoy replaces it by its own."""


def whole(response: httpx.Response, content: bytes) -> httpx.Response:
    """An answer that was read piece by piece, as one whose content is at hand."""
    headers = {name: text for name, text in response.headers.items() if name.lower() != "content-encoding"}
    return httpx.Response(response.status_code, headers=headers, content=content, request=response.request)


def error_of(response: httpx.Response, request_id: str) -> RewardServiceError | None:
    """The error that an answer reports, or None for an answer with status 200 to this request."""
    url = without_password(response.request.url)
    if response.headers.get(ECHO, request_id) != request_id:
        return InvalidAnswerError(
            f"the answer of {url} is to another request; a proxy may have mixed them up"
        )
    if response.status_code == httpx.codes.OK:
        return None
    error_class = BY_STATUS.get(response.status_code)
    try:
        body = ErrorResponse.model_validate_json(response.content).error
    except ValidationError:  # a proxy's own page: the status still says what happened
        body = None
    if response.status_code == httpx.codes.BAD_GATEWAY or (response.status_code == 500 and body is None):
        # HAProxy's and Ray Serve's word for a server that is away or was lost while it worked
        return ServerUnreachableError(
            f"{url} answered {response.status_code}: the proxy cannot reach its server, or lost it"
        )
    if error_class is None:
        return InvalidAnswerError(f"{url} answered with the unexpected status {response.status_code}")
    if body is None:
        return error_class(f"{url} answered {response.status_code}", retry_after_s=_retry_after_s(response))
    return error_class(body.message, param=body.param, code=body.code, retry_after_s=_retry_after_s(response))


def read_answer(response: httpx.Response, model: type[Model]) -> Model:
    """Reads an answer with status 200.

    Raises:
        InvalidAnswerError: the answer is not in the contract.
    """
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "body"
        url = without_password(response.request.url)
        raise InvalidAnswerError(
            f"the answer of {url} is not a {model.__name__}: {where}: {first['msg']}"
        ) from error


def read_scores(response: httpx.Response, sha256s: Sequence[str]) -> ScoreResponse:
    """Reads the answer of ``POST /score``.

    Args:
        response: the answer.
        sha256s: digests of the images that were sent.

    Raises:
        InvalidAnswerError: the answer is not in the contract, not one item per image in order, or about
            other images.
    """
    answer = read_answer(response, ScoreResponse)
    _check_images(answer, sha256s)
    return answer


def read_readings(response: httpx.Response, sha256s: Sequence[str], rubrics: int) -> ReadingsResponse:
    """Reads the answer of ``POST /score`` with several rubrics.

    Args:
        response: the answer.
        sha256s: digests of the images that were sent.
        rubrics: how many were asked.

    Raises:
        InvalidAnswerError: as ``read_scores``, or not one reading per rubric.
    """
    answer = read_answer(response, ReadingsResponse)
    _check_images(answer, sha256s)
    counts = {len(answer.rubrics), *(len(item.readings) for item in answer.data)}
    if counts != {rubrics}:
        raise InvalidAnswerError(
            f"{rubrics} rubrics were asked, but the answer has {' and '.join(map(str, sorted(counts)))}"
        )
    return answer


def read_comparisons(response: httpx.Response, sha256s: Sequence[tuple[str, str]]) -> CompareResponse:
    """Reads the answer of ``POST /compare``.

    Args:
        response: the answer.
        sha256s: digests of both images of each pair that was sent.

    Raises:
        InvalidAnswerError: the answer is not in the contract, not one item per pair in order, or about
            other images.
    """
    answer = read_answer(response, CompareResponse)
    _check_order([item.index for item in answer.data], len(sha256s), "pairs")
    for item, (first, second) in zip(answer.data, sha256s, strict=True):
        _check_image(f"item {item.index}, first", item.first_sha256, first)
        _check_image(f"item {item.index}, second", item.second_sha256, second)
    return answer


def _check_images(answer: ScoreResponse | ReadingsResponse, sha256s: Sequence[str]) -> None:
    _check_order([item.index for item in answer.data], len(sha256s), "images")
    digests = [item.image_sha256 for item in answer.data]
    for index, (got, sent) in enumerate(zip(digests, sha256s, strict=True)):
        _check_image(f"item {index}", got, sent)


def _check_order(indices: list[int], count: int, what: str) -> None:
    if indices != list(range(count)):
        raise InvalidAnswerError(f"{count} {what} were sent, but the answer's items are {indices}")


def _check_image(where: str, got: str | None, sent: str) -> None:
    """Servers before 0.2 say nothing about the image."""
    if got is not None and got != sent:
        raise InvalidAnswerError(
            f"the answer is about another image than the one that was sent ({where}); a proxy may have mixed "
            "answers up"
        )


def _retry_after_s(response: httpx.Response) -> float | None:
    try:
        return max(float(response.headers["Retry-After"]), 0.0)
    except (KeyError, ValueError):
        return None


def from_httpx(error: Exception, shown: str) -> RewardServiceError:
    """Turns an error of httpx, or of what it calls, into one of ours, with the address in its message."""
    if isinstance(error, httpx.DecodingError | httpx.TooManyRedirects):
        ours: RewardServiceError = InvalidAnswerError(f"the answer of {shown} cannot be read: {error}")
    elif isinstance(error, httpx.TimeoutException):
        ours = RequestTimeoutError(f"{shown} did not answer in time ({type(error).__name__})")
    elif isinstance(error, httpx.LocalProtocolError):  # its text may hold a header, and with it the key
        ours = ServerUnreachableError(f"{shown} cannot be asked: the request is not HTTP")
    else:
        ours = ServerUnreachableError(f"{shown} cannot be reached: {str(error) or type(error).__name__}")
    ours.__cause__ = error
    return ours


def closed(shown: str, error: RuntimeError) -> ServerUnreachableError:
    """What httpx's complaint about a client that was closed means."""
    ours = ServerUnreachableError(f"{shown} cannot be asked: the client is closed")
    ours.__cause__ = error
    return ours
