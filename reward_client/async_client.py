"""The asynchronous client: the synchronous one's twin, method by method.

    async with AsyncRewardClient("http://127.0.0.1:8000") as client:
        await client.wait_ready()
        answer = await client.score([frame], rubric="cartpole-upright")
        print(answer.data[0].reward)

Its requests may run side by side in one event loop. Frames are copied in the loop, and fitted and encoded in
threads, so that the loop goes on meanwhile. It may be used in one loop after another, and in processes that
are forked off or that it is sent to.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
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


class _InLoop:
    """What belongs to one event loop."""

    def __init__(self, session: calls.Session) -> None:
        self.slots = asyncio.Semaphore(MAX_CONNECTIONS)
        self.closing = asyncio.Event()
        self.http = httpx.AsyncClient(**session.connection.http_options(), transport=session.given.transport)


class _Opened:
    """What belongs to one process: of a socket that two processes read, one gets the other's answers."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loops = dict[asyncio.AbstractEventLoop, _InLoop]()


class AsyncRewardClient:
    """Scores frames on a reward server.

    Args:
        base_url: address of the server, e.g. ``http://127.0.0.1:8000``.
        api_key: sent as a bearer token, where the server asks for one. White space around it is dropped.
        timeout_s: limit for each try of a request, and for each of its parts: connecting, sending, waiting.
        retries: further tries after a failure that may pass (``attempts.RETRIED``), and for frames that
            the engine failed on; None: as many as the deadline allows.
        deadline_s: limit for a request with all its tries and the waiting between them. A call of more
            frames than the server takes at once makes several requests.
        transport: another way to reach the server, for tests.
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
        transport: httpx.AsyncBaseTransport | None = None,
        body: BodyForm = "array",
    ) -> None:
        self._given = calls.Arguments(base_url, api_key, timeout_s, retries, deadline_s, transport, body)
        connection = Connection.checked(base_url, api_key, direct=transport is not None)
        self._session = calls.Session(connection, self._given)
        self._opened = _Opened()
        self._inherited: list[_Opened] = []

    async def score(
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
        return await self._drive(image_calls.score(self._session, frames, ask))

    async def score_rubrics(
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
        return await self._drive(image_calls.score_rubrics(self._session, frames, ask))

    async def compare(
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
        return await self._drive(image_calls.compare(self._session, pairs, ask))

    async def rubric(self, name: str) -> RubricDetail:
        """Asks for one rubric of the server, with the exact prompt that the model receives.

        Raises:
            RewardServiceError: there is none of that name, or the request failed.
        """
        return await self._drive(calls.rubric(self._session, name))

    async def info(self) -> ServerInfo:
        """Asks what model, rubrics and limits the server has.

        Raises:
            RewardServiceError: the request failed, also after the retries.
        """
        return await self._drive(calls.info(self._session))

    async def is_ready(self) -> bool:
        """Whether the server says that it can score now; False also where it cannot be reached."""
        return await self._drive(calls.is_ready(self._session))

    async def wait_ready(self, timeout_s: float = 600.0) -> ServerInfo:
        """Waits until the server is ready. What it waits for is told to the logger ``reward_client``.

        Args:
            timeout_s: how long to wait; loading LLaVA-1.5-7B takes minutes.

        Returns:
            The server's ``/info``.

        Raises:
            ServerNotReadyError: it was not ready in time, or waiting cannot help: the address is another
                service's, its host is not known, TLS fails. The message says the last reason.
        """
        return await self._drive(calls.wait_ready(self._session, timeout_s))

    async def close(self) -> None:
        """Closes the connections that were opened in this event loop."""
        own = self._own()
        own.closing.set()
        await own.http.aclose()

    async def __aenter__(self) -> AsyncRewardClient:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __getstate__(self) -> dict[str, Any]:
        return vars(self._given)

    def __setstate__(self, arguments: dict[str, Any]) -> None:
        self.__init__(**arguments)  # type: ignore[misc] # as when it was made: nothing of a connection travels

    def _own(self) -> _InLoop:
        """What is open in this process and event loop."""
        if self._opened.pid != os.getpid():
            self._inherited.append(self._opened)  # the other process's; neither used nor closed here
            self._opened = _Opened()
            self._session.rng = random.Random()
        loop = asyncio.get_running_loop()
        own = self._opened.loops.get(loop)
        if own is None:
            for other in [other for other in self._opened.loops if other.is_closed()]:
                del self._opened.loops[other]  # with its connections, which nobody can close any more
            own = _InLoop(self._session)
            self._opened.loops[loop] = own
        return own

    async def _drive(self, call: calls.Call[calls.Result]) -> calls.Result:
        own = self._own()
        outcome: Any = None
        while True:
            try:
                step = call.send(outcome)
            except StopIteration as end:
                result: calls.Result = end.value
                return result
            if isinstance(step, calls.Work):
                outcome = await asyncio.to_thread(step.run)
            elif isinstance(step, calls.Pause):
                outcome = await _waited(own.closing, step.delay_s)
            else:
                outcome = await _outcome(own, step, self._session.connection.shown)


async def _waited(event: asyncio.Event, delay_s: float) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), delay_s)
    return event.is_set()


async def _outcome(own: _InLoop, request: calls.Try, shown: str) -> httpx.Response | RewardServiceError:
    try:
        async with asyncio.timeout(
            request.attempts.left_s
        ):  # only while it waits: httpx has a limit of its own
            if request.waits:
                await own.slots.acquire()
    except TimeoutError:
        return RequestTimeoutError(
            f"{shown}: {MAX_CONNECTIONS} requests of this client were under way all the time"
        )
    try:
        return await _sent(own.http, request)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
        return from_httpx(error, shown)
    except RuntimeError as error:
        if not own.closing.is_set():
            raise
        return closed(shown, error)
    finally:
        if request.waits:
            own.slots.release()


async def _sent(http: httpx.AsyncClient, request: calls.Try) -> httpx.Response:
    timeout_s = request.attempts.timeout_s
    ends_at = time.monotonic() + timeout_s
    async with http.stream(
        request.method, request.path, content=request.body, headers=request.headers, timeout=timeout_s
    ) as response:
        received = bytearray()
        async for chunk in response.aiter_bytes():
            received += chunk
            # httpx limits each read; a server that trickles would pass that for ever
            if time.monotonic() > ends_at:
                raise httpx.ReadTimeout("the answer came too slowly", request=response.request)
    return whole(response, bytes(received))
