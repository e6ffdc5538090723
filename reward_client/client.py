"""The synchronous client.

    with RewardClient("http://127.0.0.1:8000") as client:
        client.wait_ready()
        answer = client.score([frame], rubric="cartpole-upright")
        print(answer.data[0].reward)

It may be used from several threads at once, and from processes that are forked off or that it is sent to.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

import httpx

from reward_client._protocol import calls, image_calls
from reward_client._protocol.answers import closed, from_httpx, whole
from reward_client._protocol.bodies import Ask
from reward_client._protocol.calls import DEFAULT_DEADLINE_S, DEFAULT_RETRIES, DEFAULT_TIMEOUT_S, BodyForm
from reward_client._protocol.connection import MAX_CONNECTIONS, Connection
from reward_client.errors import RequestTimeoutError, RewardServiceError
from reward_client.frames import Frame, Frames
from reward_client.rubric import Preprocess, Region
from reward_client.schema import CompareResponse, ReadingsResponse, RubricDetail, ScoreResponse, ServerInfo
from reward_client.wording.given_rubric import GivenRubric, checked_rubric, several
from reward_client.wording.variables import Value


class _Open:
    """What belongs to one process: of a socket that two processes read, one gets the other's answers."""

    def __init__(self, session: calls.Session) -> None:
        self.pid, self.session = os.getpid(), session
        self.closing = threading.Event()
        self.slots = threading.Semaphore(MAX_CONNECTIONS)
        self.http = httpx.Client(**session.connection.http_options(), transport=session.given.transport)


class RewardClient:
    """Scores frames on a reward server.

    Args:
        base_url: address of the server, e.g. ``http://127.0.0.1:8000``.
        api_key: sent as a bearer token, where the server asks for one. White space around it is dropped.
        timeout_s: limit for each try of a request, and for each of its parts: connecting, sending, waiting.
        retries: further tries after a failure that may pass (``attempts.RETRIED``), and for frames that
            the engine failed on; None: as many as the deadline allows.
        deadline_s: limit for a request with all its tries and the waiting between them. A call of more
            frames than the server takes at once makes several requests.
        transport: another way to reach the server, for tests. It is shared with forked processes.
        body: how frames that are arrays are sent. ``"array"``: fitted here, as pixels, to a server that takes
            them (``/info``); the least work for both sides. ``"png"``: as PNG files, of which a rendered
            frame's takes a thirtieth; for networks under about 400 Mbit/s. Rewards are the same.

    Raises:
        ConfigurationError: the address, the key, or what the environment says of proxies and certificates
            cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        retries: int | None = DEFAULT_RETRIES,
        deadline_s: float = DEFAULT_DEADLINE_S,
        transport: httpx.BaseTransport | None = None,
        body: BodyForm = "array",
    ) -> None:
        self._given = calls.Arguments(base_url, api_key, timeout_s, retries, deadline_s, transport, body)
        self._connection = Connection.checked(base_url, api_key, direct=transport is not None)
        self._inherited: list[_Open] = []
        self._opened = self._open()

    def score(
        self,
        frames: Frames,
        rubric: GivenRubric,
        preprocess: Preprocess | Region | str = Preprocess.PAD,
        *,
        explain: bool = False,
        variables: Sequence[Mapping[str, Value]] | None = None,
    ) -> ScoreResponse:
        """Scores frames, in as many requests as the server's limits ask for.

        Args:
            frames: ``(H, W, 3)`` uint8 RGB arrays, PNG or JPEG bytes or Pillow images; or a stack of frames,
                ``(N, H, W, 3)``.
            rubric: name of a rubric of the server, a rubric of one's own, or an ensemble of such; a plain
                dictionary of its fields does for one's own.
            preprocess: how a frame becomes the model's square input.
            explain: whether to generate the answer as text too, and read it in every way.
            variables: for each frame what fills the places of the prompt, such as ``{"text": "a cat"}``; None
                for a prompt without places.

        Returns:
            One item per frame, in order. An item's ``reward`` is None where it could not be scored, also
            after the retries.

        Raises:
            ValueError: no frames, something that is not a frame, or variables that do not go with them;
                nothing was sent. ``RubricContentError`` is one: the dictionary is no rubric, and the
                message names the field.
            RewardServiceError: a request failed, also after the retries.
        """
        ask = Ask.of(checked_rubric(rubric), preprocess, explain=explain, variables=variables)
        return self._drive(image_calls.score(self._own().session, frames, ask))

    def score_rubrics(
        self,
        frames: Frames,
        rubrics: Sequence[GivenRubric],
        preprocess: Preprocess | Region | str = Preprocess.PAD,
        *,
        explain: bool = False,
        variables: Sequence[Mapping[str, Value]] | None = None,
    ) -> ReadingsResponse:
        """Scores frames by several rubrics at once: each frame is sent, decoded and fitted once.

        Args:
            frames: as ``score`` takes them.
            rubrics: 1 to 16 of what ``score`` takes as ``rubric``; with those of ensembles at most 32.
            preprocess: how a frame becomes the model's square input.
            explain: as for ``score``.
            variables: for each frame what fills the places of all prompts.

        Returns:
            One entry per frame, in order, with one reading per rubric, in the order of ``rubrics``. What the
            model cannot be asked has null readings, and its reason in the answer's ``rubrics``.

        Raises:
            ValueError: as ``score``, or no rubrics or more than 16; nothing was sent.
            RewardServiceError: a request failed, also after the retries.
        """
        ask = Ask.of(several(rubrics), preprocess, explain=explain, variables=variables)
        return self._drive(image_calls.score_rubrics(self._own().session, frames, ask))

    def compare(
        self,
        pairs: Iterable[tuple[Frame, Frame]],
        rubric: GivenRubric,
        preprocess: Preprocess | Region | str = Preprocess.PAD,
    ) -> CompareResponse:
        """Asks which image of each pair better fits a rubric's goal, in both orders.

        Args:
            pairs: pairs of frames as ``score`` takes them.
            rubric: as ``score`` takes it, with a goal and no ensemble.
            preprocess: how a frame becomes square.

        Returns:
            One item per pair, in order. An item's ``preference`` is None where there is none.

        Raises:
            ValueError: no pairs, something that is not a frame, or an ensemble; nothing was sent.
            RewardServiceError: a request failed, also after the retries.
        """
        ask = Ask.of(checked_rubric(rubric), preprocess)
        return self._drive(image_calls.compare(self._own().session, pairs, ask))

    def rubric(self, name: str) -> RubricDetail:
        """Asks for one rubric of the server, with the exact prompt that the model receives.

        Raises:
            RewardServiceError: there is none of that name, or the request failed.
        """
        return self._drive(calls.rubric(self._own().session, name))

    def info(self) -> ServerInfo:
        """Asks what model, rubrics and limits the server has.

        Raises:
            RewardServiceError: the request failed, also after the retries.
        """
        return self._drive(calls.info(self._own().session))

    def is_ready(self) -> bool:
        """Whether the server says that it can score now; False also where it cannot be reached."""
        return self._drive(calls.is_ready(self._own().session))

    def wait_ready(self, timeout_s: float = 600.0) -> ServerInfo:
        """Waits until the server is ready. What it waits for is told to the logger ``reward_client``.

        Args:
            timeout_s: how long to wait; loading LLaVA-1.5-7B takes minutes.

        Returns:
            The server's ``/info``.

        Raises:
            ServerNotReadyError: it was not ready in time, or waiting cannot help: the address is another
                service's, its host is not known, TLS fails. The message says the last reason.
        """
        return self._drive(calls.wait_ready(self._own().session, timeout_s))

    def close(self) -> None:
        """Closes this process's connections, and ends waits between tries in other threads."""
        own = self._own()
        own.closing.set()
        own.http.close()

    def __enter__(self) -> RewardClient:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return vars(self._given)

    def __setstate__(self, arguments: dict[str, Any]) -> None:
        self.__init__(**arguments)  # type: ignore[misc] # as when it was made: nothing of a connection travels

    def _open(self) -> _Open:
        return _Open(calls.Session(self._connection, self._given))

    def _own(self) -> _Open:
        """What is open in this process."""
        if self._opened.pid != os.getpid():
            self._inherited.append(self._opened)  # the other process's; neither used nor closed here
            self._opened = self._open()
        return self._opened

    def _drive(self, call: calls.Call[calls.Result]) -> calls.Result:
        own = self._own()
        outcome: Any = None
        while True:
            try:
                step = call.send(outcome)
            except StopIteration as end:
                result: calls.Result = end.value
                return result
            if isinstance(step, calls.Work):
                outcome = step.run()
            elif isinstance(step, calls.Pause):
                outcome = own.closing.wait(step.delay_s)
            else:
                outcome = _outcome(own, step)


def _outcome(own: _Open, request: calls.Try) -> httpx.Response | RewardServiceError:
    shown = own.session.connection.shown
    if request.waits and not own.slots.acquire(timeout=request.attempts.left_s):
        return RequestTimeoutError(
            f"{shown}: {MAX_CONNECTIONS} requests of this client were under way all the time"
        )
    try:
        return _sent(own.http, request)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
        return from_httpx(error, shown)
    except RuntimeError as error:
        if not own.closing.is_set():
            raise
        return closed(shown, error)
    finally:
        if request.waits:
            own.slots.release()


def _sent(http: httpx.Client, request: calls.Try) -> httpx.Response:
    timeout_s = request.attempts.timeout_s
    ends_at = time.monotonic() + timeout_s
    with http.stream(
        request.method, request.path, content=request.body, headers=request.headers, timeout=timeout_s
    ) as response:
        received = bytearray()
        for chunk in response.iter_bytes():
            received += chunk
            # httpx limits each read; a server that trickles would pass that for ever
            if time.monotonic() > ends_at:
                raise httpx.ReadTimeout("the answer came too slowly", request=response.request)
    return whole(response, bytes(received))
