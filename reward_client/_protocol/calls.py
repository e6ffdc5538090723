"""What a call sends, and what it does with each answer, as generators that both clients drive.

A call yields a ``Try``, and is sent the answer or the error that came of it; or it yields a ``Pause``, and is
sent whether the client was closed meanwhile; or it yields ``Work``, and is sent its result. It returns the
call's result. No sockets here.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args
from urllib.parse import quote

import httpx
from pydantic import BaseModel

from reward_client._protocol.answers import ECHO, error_of, read_answer
from reward_client._protocol.attempts import RETRIED, Attempts
from reward_client._protocol.connection import Connection
from reward_client._protocol.readiness import LOOK_TIMEOUT_S, READY_POLL_S, Waiting
from reward_client.errors import ConfigurationError, RewardServiceError, ServerNotReadyError
from reward_client.fitting import FITTED_BY
from reward_client.schema import JSON, MULTIPART, Limits, RubricDetail, ServerInfo

DEFAULT_TIMEOUT_S = 60.0
DEFAULT_RETRIES = 4
DEFAULT_DEADLINE_S = 300.0

BodyForm = Literal["array", "png"]
"""How frames that are arrays are sent to a server that takes both."""

Result = TypeVar("Result")
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Try:
    """A request to send once.

    Attributes:
        attempts: says how long it may wait to be sent, and how long it may take.
        waits: for its turn, where many requests are under way; a look at the server's health does not.
    """

    method: str
    path: str
    body: bytes | None
    headers: dict[str, str]
    attempts: Attempts
    waits: bool = True


@dataclass(frozen=True)
class Pause:
    """A wait that ends early where the client is closed."""

    delay_s: float


@dataclass(frozen=True)
class Work:
    """A computation that takes milliseconds for each frame, so that it must not hold up an event loop.

    Attributes:
        run: computes; it touches nothing that others may change meanwhile.
    """

    run: Callable[[], Any]


Call = Generator[Try | Pause | Work, Any, Result]


@dataclass(frozen=True)
class Arguments:
    """What a client is made with, which is all that travels with it."""

    base_url: str
    api_key: str | None = field(repr=False)
    timeout_s: float
    retries: int | None
    deadline_s: float
    transport: Any
    body: BodyForm = "array"

    def __post_init__(self) -> None:
        if self.body not in get_args(BodyForm):
            raise ConfigurationError(f"body is {self.body!r}; pass 'array' or 'png'", param="body")


@dataclass
class Session:
    """What one client's calls share.

    Attributes:
        connection: where the server is.
        given: the client's arguments, limits and retries among them.
        rng: source of the jitter between tries.
        server: what it says of itself, once it was asked.
        has_answered: whether it has scored frames of this client.
        was_asked: whether it was asked for what it says of itself, on no other ground than speed.
        parts_refused: whether a server or a proxy on the way has refused multipart/form-data, or one so
            large.
    """

    connection: Connection
    given: Arguments
    rng: random.Random = field(default_factory=random.Random)
    server: ServerInfo | None = None
    has_answered: bool = False
    was_asked: bool = False
    parts_refused: bool = False

    @property
    def limits(self) -> Limits | None:
        """What the server accepts, once that is known."""
        return None if self.server is None else self.server.limits

    @property
    def takes_parts(self) -> bool:
        """Whether frames go to the server as multipart/form-data."""
        offered = self.server is not None and MULTIPART in self.server.score_media_types
        return offered and not self.parts_refused

    @property
    def array_size_px(self) -> int | None:
        """Side of the squares to which frames are fitted before they are sent; None: they go as files."""
        if self.server is None or not self.takes_parts or self.given.body != "array":
            return None
        if self.server.fitting != FITTED_BY:  # other versions may give other pixels under the same reward id
            return None
        return self.server.input_size_px

    def attempts(self) -> Attempts:
        """A request's tries."""
        return Attempts(self.given.retries, self.given.timeout_s, self.given.deadline_s, self.rng)


def exchange(
    attempts: Attempts, method: str, path: str, body: bytes | None = None, media_type: str = JSON
) -> Call[httpx.Response]:
    """Sends a request, again where its failure may pass.

    Returns:
        The answer, with status 200.

    Raises:
        RewardServiceError: the last try's error.
    """
    request_id = uuid.uuid4().hex
    headers = {"X-Request-Id": request_id, ECHO: request_id}
    if body is not None:
        headers["Content-Type"] = media_type
    while True:
        outcome = yield Try(method, path, body, headers, attempts)
        error = outcome if isinstance(outcome, RewardServiceError) else error_of(outcome, request_id)
        if error is None:
            response: httpx.Response = outcome
            return response
        delay_s = attempts.delay_s(error)
        if delay_s is None:
            raise error
        closed = yield Pause(delay_s)
        if closed:
            raise error


def info(session: Session, attempts: Attempts | None = None) -> Call[ServerInfo]:
    """``GET /info``; the session then knows what the server says of itself."""
    answer = read_answer((yield from exchange(attempts or session.attempts(), "GET", "/info")), ServerInfo)
    session.server = answer
    return answer


def rubric(session: Session, name: str) -> Call[RubricDetail]:
    """``GET /rubrics/{name}``."""
    path = f"/rubrics/{quote(name, safe='', errors='replace')}"
    response = yield from exchange(session.attempts(), "GET", path)
    return read_answer(response, RubricDetail)


def is_ready(session: Session) -> Call[bool]:
    """``GET /readyz``, once."""
    outcome = yield from _look(session, LOOK_TIMEOUT_S)
    return isinstance(outcome, httpx.Response) and outcome.status_code == httpx.codes.OK


def wait_ready(session: Session, timeout_s: float) -> Call[ServerInfo]:
    """Looks at ``/readyz`` until the server is ready, then asks for ``/info``."""
    waiting = Waiting(session.connection.shown, timeout_s)
    while True:
        if waiting.is_over((yield from _look(session, min(LOOK_TIMEOUT_S, waiting.left_s)))):
            attempts = Attempts(0, session.given.timeout_s, max(waiting.left_s, LOOK_TIMEOUT_S), session.rng)
            try:
                answer = read_answer((yield from exchange(attempts, "GET", "/info")), ServerInfo)
            except RETRIED as error:  # it went away again
                waiting.go_on(error)
            else:
                session.server = answer
                return answer
        closed = yield Pause(READY_POLL_S)
        if closed:
            raise ServerNotReadyError("the client was closed while it waited")


def _look(session: Session, timeout_s: float) -> Call[httpx.Response | RewardServiceError]:
    attempts = Attempts(0, timeout_s, timeout_s, session.rng)
    outcome: httpx.Response | RewardServiceError = yield Try(
        "GET", "/readyz", None, {}, attempts, waits=False
    )
    return outcome
