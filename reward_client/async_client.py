"""The asynchronous client: the synchronous one's twin, method by method.

    async with AsyncRewardClient("http://127.0.0.1:8000") as client:
        await client.wait_ready()
        answer = await client.score([frame], rubric="cartpole-upright")
        print(answer.data[0].reward)

Its requests may run side by side in one event loop.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Sequence
from types import TracebackType
from urllib.parse import quote

import httpx

from reward_client import _protocol as protocol
from reward_client.client import (
    DEFAULT_DEADLINE_S,
    DEFAULT_RETRIES,
    DEFAULT_TIMEOUT_S,
    READY_POLL_S,
)
from reward_client.errors import RequestTimeoutError, RewardServiceError, ServerNotReadyError
from reward_client.frames import Frame
from reward_client.rubric import Preprocess, Region, Rubric
from reward_client.schema import CompareResponse, RubricDetail, ScoreResponse, ServerInfo


class AsyncRewardClient:
    """Scores frames on a reward server.

    Args:
        base_url: address of the server, e.g. ``http://127.0.0.1:8000``.
        api_key: sent as a bearer token, where the server asks for one.
        timeout_s: limit for each try of a request.
        retries: further tries after a failure that may pass (``_protocol.RETRIED``), and for frames that
            the engine failed on; None: as many as the deadline allows.
        deadline_s: limit for a whole call, with all its tries and the waiting between them.
        transport: another way to reach the server, for tests.
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
    ) -> None:
        self._retries, self._timeout_s, self._deadline_s = retries, timeout_s, deadline_s
        self._rng = random.Random()
        self._http = httpx.AsyncClient(
            base_url=protocol.checked_url(base_url),
            headers=protocol.default_headers(api_key),
            timeout=timeout_s,
            limits=protocol.LIMITS,
            transport=transport,
        )

    async def score(
        self,
        frames: Sequence[Frame],
        rubric: str | Rubric,
        preprocess: Preprocess | Region | str = Preprocess.PAD,
        *,
        explain: bool = False,
    ) -> ScoreResponse:
        """Scores frames in one request.

        Args:
            frames: ``(H, W, 3)`` uint8 RGB arrays, or PNG or JPEG bytes; at most as many as the
                server's ``/info`` allows.
            rubric: name of a rubric of the server, or a rubric of one's own.
            preprocess: how a frame becomes the model's square input.
            explain: whether to generate the answer as text too, and read it in every way.

        Returns:
            One item per frame, in order. An item's ``reward`` is None where it could not be scored, also
            after the retries.

        Raises:
            ValueError: no frames, or an array that is not a frame.
            RewardServiceError: the request failed, also after the retries.
        """
        attempts = self._attempts()
        call = protocol.ScoreCall(frames, rubric, preprocess, attempts, explain=explain)
        delay_s = call.take(await self._send("POST", "/score", call.body, attempts))
        while delay_s is not None:
            await asyncio.sleep(delay_s)
            try:
                response = await self._send("POST", "/score", call.body, attempts)
            except protocol.RETRIED:
                break  # the rewards at hand are good
            delay_s = call.take(response)
        return call.answer

    async def compare(
        self,
        pairs: Sequence[tuple[Frame, Frame]],
        rubric: str | Rubric,
        preprocess: Preprocess | Region | str = Preprocess.PAD,
    ) -> CompareResponse:
        """Asks which image of each pair better fits a rubric's goal, in both orders.

        Args:
            pairs: pairs of frames as ``score`` takes them; at most half as many as the server's
                ``/info`` allows images.
            rubric: name of a rubric of the server, or a rubric of one's own, that has a goal.
            preprocess: how a frame becomes square.

        Returns:
            One item per pair, in order. An item's ``preference`` is None where there is none.

        Raises:
            ValueError: no pairs, or an array that is not a frame.
            RewardServiceError: the request failed, also after the retries.
        """
        body = protocol.compare_body(pairs, rubric, preprocess)
        return protocol.read_comparisons(await self._send("POST", "/compare", body), len(pairs))

    async def rubric(self, name: str) -> RubricDetail:
        """Asks for one rubric of the server, with the exact prompt that the model receives.

        Raises:
            RewardServiceError: there is none of that name, or the request failed.
        """
        path = f"/rubrics/{quote(name, safe='')}"
        return protocol.read_answer(await self._send("GET", path), RubricDetail)

    async def info(self) -> ServerInfo:
        """Asks what model, rubrics and limits the server has.

        Raises:
            RewardServiceError: the request failed, also after the retries.
        """
        return protocol.read_answer(await self._send("GET", "/info"), ServerInfo)

    async def is_ready(self) -> bool:
        """Whether the server says that it can score now; False also where it cannot be reached."""
        try:
            return (await self._http.get("/readyz", timeout=5.0)).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    async def wait_ready(self, timeout_s: float = 600.0) -> ServerInfo:
        """Waits until the server is ready.

        Args:
            timeout_s: how long to wait; loading LLaVA-1.5-7B takes minutes.

        Returns:
            The server's ``/info``.

        Raises:
            ServerNotReadyError: it was not ready in time.
        """
        deadline = time.monotonic() + timeout_s
        while not await self.is_ready():
            if time.monotonic() >= deadline:
                raise ServerNotReadyError(f"{self._http.base_url} was not ready within {timeout_s:g} s")
            await asyncio.sleep(READY_POLL_S)
        return await self.info()

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncRewardClient:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _attempts(self) -> protocol.Attempts:
        return protocol.Attempts(self._retries, self._timeout_s, self._deadline_s, self._rng)

    async def _send(
        self, method: str, path: str, body: bytes | None = None, attempts: protocol.Attempts | None = None
    ) -> httpx.Response:
        attempts = attempts or self._attempts()
        headers = {"X-Request-Id": uuid.uuid4().hex}
        if body is not None:
            headers["Content-Type"] = "application/json"
        while True:
            error: RewardServiceError | None
            try:
                # httpx limits each read; a server that trickles would pass that for ever
                async with asyncio.timeout(attempts.timeout_s):
                    response = await self._http.request(
                        method, path, content=body, headers=headers, timeout=attempts.timeout_s
                    )
                error = protocol.error_of(response)
            except TimeoutError:
                error = RequestTimeoutError(f"{self._http.base_url} did not answer in time")
            except httpx.RequestError as caught:
                error = protocol.from_httpx(caught, self._http.base_url)
            if error is None:
                return response
            delay_s = attempts.delay_s(error)
            if delay_s is None:
                raise error
            await asyncio.sleep(delay_s)
