"""The synchronous client.

    with RewardClient("http://127.0.0.1:8000") as client:
        client.wait_ready()
        answer = client.score([frame], rubric="cartpole-upright")
        print(answer.data[0].reward)

It may be used from several threads at once.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Sequence
from types import TracebackType
from urllib.parse import quote

import httpx

from reward_client import _protocol as protocol
from reward_client.errors import RewardServiceError, ServerNotReadyError
from reward_client.frames import Frame
from reward_client.rubric import Preprocess, Region, Rubric
from reward_client.schema import CompareResponse, RubricDetail, ScoreResponse, ServerInfo

DEFAULT_TIMEOUT_S = 60.0
DEFAULT_RETRIES = 4
DEFAULT_DEADLINE_S = 300.0
READY_POLL_S = 0.5


class RewardClient:
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
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._retries, self._timeout_s, self._deadline_s = retries, timeout_s, deadline_s
        self._rng = random.Random()
        self._closing = threading.Event()
        self._http = httpx.Client(
            base_url=protocol.checked_url(base_url),
            headers=protocol.default_headers(api_key),
            timeout=timeout_s,
            limits=protocol.LIMITS,
            transport=transport,
        )

    def score(
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
        delay_s = call.take(self._send("POST", "/score", call.body, attempts))
        while delay_s is not None:
            if self._closing.wait(delay_s):
                break
            try:
                response = self._send("POST", "/score", call.body, attempts)
            except protocol.RETRIED:
                break  # the rewards at hand are good
            delay_s = call.take(response)
        return call.answer

    def compare(
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
        return protocol.read_comparisons(self._send("POST", "/compare", body), len(pairs))

    def rubric(self, name: str) -> RubricDetail:
        """Asks for one rubric of the server, with the exact prompt that the model receives.

        Raises:
            RewardServiceError: there is none of that name, or the request failed.
        """
        path = f"/rubrics/{quote(name, safe='')}"
        return protocol.read_answer(self._send("GET", path), RubricDetail)

    def info(self) -> ServerInfo:
        """Asks what model, rubrics and limits the server has.

        Raises:
            RewardServiceError: the request failed, also after the retries.
        """
        return protocol.read_answer(self._send("GET", "/info"), ServerInfo)

    def is_ready(self) -> bool:
        """Whether the server says that it can score now; False also where it cannot be reached."""
        try:
            return self._http.get("/readyz", timeout=5.0).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def wait_ready(self, timeout_s: float = 600.0) -> ServerInfo:
        """Waits until the server is ready.

        Args:
            timeout_s: how long to wait; loading LLaVA-1.5-7B takes minutes.

        Returns:
            The server's ``/info``.

        Raises:
            ServerNotReadyError: it was not ready in time.
        """
        deadline = time.monotonic() + timeout_s
        while not self.is_ready():
            if time.monotonic() >= deadline:
                raise ServerNotReadyError(f"{self._http.base_url} was not ready within {timeout_s:g} s")
            time.sleep(READY_POLL_S)
        return self.info()

    def close(self) -> None:
        """Closes the connections, and ends waits between tries in other threads."""
        self._closing.set()
        self._http.close()

    def __enter__(self) -> RewardClient:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _attempts(self) -> protocol.Attempts:
        return protocol.Attempts(self._retries, self._timeout_s, self._deadline_s, self._rng)

    def _send(
        self, method: str, path: str, body: bytes | None = None, attempts: protocol.Attempts | None = None
    ) -> httpx.Response:
        attempts = attempts or self._attempts()
        headers = {"X-Request-Id": uuid.uuid4().hex}
        if body is not None:
            headers["Content-Type"] = "application/json"
        while True:
            error: RewardServiceError | None
            try:
                response = self._request(method, path, body, headers, attempts.timeout_s)
                error = protocol.error_of(response)
            except httpx.RequestError as caught:
                error = protocol.from_httpx(caught, self._http.base_url)
            if error is None:
                return response
            delay_s = attempts.delay_s(error)
            if delay_s is None or self._closing.wait(delay_s):
                raise error

    def _request(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], timeout_s: float
    ) -> httpx.Response:
        ends_at = time.monotonic() + timeout_s
        with self._http.stream(method, path, content=body, headers=headers, timeout=timeout_s) as response:
            received = bytearray()
            for chunk in response.iter_bytes():
                received += chunk
                # httpx limits each read; a server that trickles would pass that for ever
                if time.monotonic() > ends_at:
                    raise httpx.ReadTimeout("the answer came too slowly", request=response.request)
            headers_left = {k: v for k, v in response.headers.items() if k.lower() != "content-encoding"}
            return httpx.Response(
                response.status_code,
                headers=headers_left,
                content=bytes(received),
                request=response.request,
            )
