"""What the synchronous and the asynchronous client share: requests, answers, when to try again.

No sockets here.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from reward_client.errors import (
    BY_STATUS,
    DeadlineExceededError,
    InvalidAnswerError,
    RateLimitedError,
    RequestTimeoutError,
    RewardServiceError,
    ServerUnreachableError,
    StatusError,
    UnavailableError,
)
from reward_client.frames import Frame, to_base64
from reward_client.rubric import Preprocess, Region, Rubric
from reward_client.schema import (
    CompareRequest,
    CompareResponse,
    ErrorResponse,
    ItemStatus,
    Pair,
    ScoreRequest,
    ScoreResponse,
)

Model = TypeVar("Model", bound=BaseModel)

FIRST_BACKOFF_S = 0.25
MAX_BACKOFF_S = 8.0
MAX_FRAME_RETRIES = 4
"""An engine that fails on a frame so often will go on failing on it."""

LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=15.0)
"""Idle connections are dropped before the server drops them (30 s): a request sent into a closing
connection is lost."""

RETRIED = (
    ServerUnreachableError,
    RequestTimeoutError,
    RateLimitedError,
    UnavailableError,
    DeadlineExceededError,
)
"""Errors worth another try. Scoring changes nothing on the server, so trying again is safe."""


def checked_url(base_url: str) -> str:
    """The address, if it is one.

    Raises:
        ServerUnreachableError: it is not an http:// or https:// address with a host.
    """
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host:
        raise ServerUnreachableError(f"{base_url!r} is not an http:// or https:// address")
    return base_url


def default_headers(api_key: str | None) -> dict[str, str]:
    """Headers of every request."""
    return {"Authorization": f"Bearer {api_key}"} if api_key else {}


def score_body(
    frames: Sequence[Frame], rubric: str | Rubric, preprocess: Preprocess | Region | str, *, explain: bool
) -> bytes:
    """Builds the body of ``POST /score``.

    Raises:
        ValueError: no frames, or a frame that is not an ``(H, W, 3)`` uint8 array or bytes.
    """
    if not frames:
        raise ValueError("there are no frames to score")
    request = ScoreRequest(
        images=[to_base64(frame) for frame in frames],
        rubric=rubric,
        preprocess=Preprocess(preprocess) if isinstance(preprocess, str) else preprocess,
        explain=explain,
    )
    return request.model_dump_json(exclude_none=True).encode()


def compare_body(
    pairs: Sequence[tuple[Frame, Frame]], rubric: str | Rubric, preprocess: Preprocess | Region | str
) -> bytes:
    """Builds the body of ``POST /compare``.

    Raises:
        ValueError: no pairs, or a frame that is not an ``(H, W, 3)`` uint8 array or bytes.
    """
    if not pairs:
        raise ValueError("there are no pairs to compare")
    request = CompareRequest(
        pairs=[Pair(first=to_base64(first), second=to_base64(second)) for first, second in pairs],
        rubric=rubric,
        preprocess=Preprocess(preprocess) if isinstance(preprocess, str) else preprocess,
    )
    return request.model_dump_json(exclude_none=True).encode()


def error_of(response: httpx.Response) -> RewardServiceError | None:
    """The error that an answer reports, or None for an answer with status 200."""
    if response.status_code == httpx.codes.OK:
        return None
    url, error_class = response.request.url, BY_STATUS.get(response.status_code)
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
        raise InvalidAnswerError(
            f"the answer of {response.request.url} is not a {model.__name__}: {where}: {first['msg']}"
        ) from error


def read_scores(response: httpx.Response, count: int) -> ScoreResponse:
    """Reads the answer of ``POST /score`` for ``count`` images.

    Raises:
        InvalidAnswerError: the answer is not in the contract, or not one item per image in order.
    """
    answer = read_answer(response, ScoreResponse)
    _check_order([item.index for item in answer.data], count, "images")
    return answer


def read_comparisons(response: httpx.Response, count: int) -> CompareResponse:
    """Reads the answer of ``POST /compare`` for ``count`` pairs.

    Raises:
        InvalidAnswerError: the answer is not in the contract, or not one item per pair in order.
    """
    answer = read_answer(response, CompareResponse)
    _check_order([item.index for item in answer.data], count, "pairs")
    return answer


def _check_order(indices: list[int], count: int, what: str) -> None:
    if indices != list(range(count)):
        raise InvalidAnswerError(f"{count} {what} were sent, but the answer's items are {indices}")


def _retry_after_s(response: httpx.Response) -> float | None:
    try:
        return max(float(response.headers["Retry-After"]), 0.0)
    except (KeyError, ValueError):
        return None


def from_httpx(error: httpx.RequestError, url: httpx.URL | str) -> RewardServiceError:
    """Turns an error of httpx into one of ours, with the address in its message."""
    if isinstance(error, httpx.DecodingError | httpx.TooManyRedirects):
        return InvalidAnswerError(f"the answer of {url} cannot be read: {error}")
    if isinstance(error, httpx.TimeoutException):
        return RequestTimeoutError(f"{url} did not answer in time ({type(error).__name__})")
    return ServerUnreachableError(f"{url} cannot be reached: {error or type(error).__name__}")


class Attempts:
    """One call's tries: how long each may take, and when the next one comes.

    Args:
        retries: further tries after the first; None: as many as the deadline allows.
        timeout_s: limit for each try.
        deadline_s: limit for the whole call, waiting included.
        rng: source of the jitter.
        clock: seconds.
    """

    def __init__(
        self,
        retries: int | None,
        timeout_s: float,
        deadline_s: float,
        rng: random.Random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._retries, self._timeout_s, self._rng, self._clock = retries, timeout_s, rng, clock
        self._ends_at = clock() + deadline_s
        self._failed = 0

    @property
    def timeout_s(self) -> float:
        """Limit for the next try."""
        return max(min(self._timeout_s, self._ends_at - self._clock()), 0.001)

    def delay_s(self, error: RewardServiceError | None) -> float | None:
        """How long to wait before another try: exponential with full jitter, and as the server asks.

        Args:
            error: the failure; None where an answer came, but frames of it had failed.

        Returns:
            Seconds, or None where no further try is useful or allowed, or the wait would pass the
            deadline. The formula is "full jitter" of
            "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
        """
        self._failed += 1
        if self._retries is not None and self._failed > self._retries:
            return None
        if error is not None and not isinstance(error, RETRIED):
            return None
        ceiling = min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** min(self._failed, 16))
        asked = (error.retry_after_s if isinstance(error, StatusError) else None) or 0.0
        wait_s = asked + self._rng.uniform(0.0, ceiling)
        return wait_s if self._clock() + wait_s < self._ends_at else None


def _merged(answer: ScoreResponse, indices: Sequence[int], again: ScoreResponse) -> ScoreResponse:
    """Puts the items of a second try in the place of those that had failed.

    Args:
        answer: the first answer.
        indices: places of the frames that were sent again, in order.
        again: the answer to them.

    Raises:
        InvalidAnswerError: the second answer's rewards are of another kind, so that they do not mix.
    """
    if again.reward_id != answer.reward_id:
        raise InvalidAnswerError(
            f"the server's rewards changed during a request (reward id {answer.reward_id}, then "
            f"{again.reward_id}); it serves another model or rubric now"
        )
    items = list(answer.data)
    for index, item in zip(indices, again.data, strict=True):
        items[index] = item.model_copy(update={"index": index})
    usage = answer.usage.model_copy(
        update={
            field: getattr(answer.usage, field) + getattr(again.usage, field)
            for field in ("cached_images", "prompt_tokens", "completion_tokens")
        }
    )
    return answer.model_copy(update={"data": items, "usage": usage})


class ScoreCall:
    """One call of ``score``: what to send, and which frames to send again. Both clients drive it.

    Args:
        frames: what is scored.
        rubric: what is asked.
        preprocess: how a frame becomes square.
        attempts: tries of the whole call.
        explain: whether the answer is generated as text too.

    Raises:
        ValueError: no frames, or an array that is not a frame.
    """

    def __init__(
        self,
        frames: Sequence[Frame],
        rubric: str | Rubric,
        preprocess: Preprocess | Region | str,
        attempts: Attempts,
        *,
        explain: bool,
    ) -> None:
        self._frames, self._rubric, self._preprocess, self._explain = frames, rubric, preprocess, explain
        self._attempts, self._rounds = attempts, 0
        self._sent = list(range(len(frames)))
        self._answer: ScoreResponse | None = None
        self.body = self._body()

    @property
    def answer(self) -> ScoreResponse:
        """The items of all frames so far.

        Raises:
            ValueError: no answer was taken yet.
        """
        if self._answer is None:
            raise ValueError("there is no answer yet")
        return self._answer

    def take(self, response: httpx.Response) -> float | None:
        """Takes an answer to ``body``, and makes the body for frames that the engine failed on.

        Returns:
            Seconds to wait before it is sent; None where the call is over.

        Raises:
            InvalidAnswerError: the answer is not in the contract, or its rewards are of another kind.
        """
        answer = read_scores(response, len(self._sent))
        self._answer = answer if self._answer is None else _merged(self._answer, self._sent, answer)
        # other statuses would come again
        failed = [item.index for item in self._answer.data if item.status is ItemStatus.FAILED]
        self._rounds += 1
        delay_s = self._attempts.delay_s(None) if failed and self._rounds <= MAX_FRAME_RETRIES else None
        if delay_s is not None:
            self._sent = failed
            self.body = self._body()
        return delay_s

    def _body(self) -> bytes:
        frames = [self._frames[index] for index in self._sent]
        return score_body(frames, self._rubric, self._preprocess, explain=self._explain)
