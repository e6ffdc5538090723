"""The two clients: the same answers, the same errors, bounded retries."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from reward_client import AsyncRewardClient, RewardClient
from reward_client._protocol import attempts
from reward_client._protocol.image_calls import MAX_FRAME_RETRIES
from reward_client.errors import (
    BY_STATUS,
    InvalidAnswerError,
    RequestTimeoutError,
    RewardServiceError,
    ServerNotReadyError,
    ServerUnreachableError,
    StatusError,
    UnavailableError,
)
from reward_client.frames import image_file
from reward_client.schema import ScoreResponse
from tests.fakes import response, server_info

Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "FIRST_BACKOFF_S", 0.0)


def sync_score(handler: Handler, frames: list[Any], **options: Any) -> ScoreResponse:
    transport = httpx.MockTransport(handler)
    with RewardClient("http://server", transport=transport, **options) as client:
        return client.score(frames, "cartpole-angle")


def async_score(handler: Handler, frames: list[Any], **options: Any) -> ScoreResponse:
    async def run() -> ScoreResponse:
        transport = httpx.MockTransport(handler)
        async with AsyncRewardClient("http://server", transport=transport, **options) as client:
            return await client.score(frames, "cartpole-angle")

    return asyncio.run(run())


both = pytest.mark.parametrize("score", [sync_score, async_score])
Score = Callable[..., ScoreResponse]


def answering(*answers: httpx.Response | Exception) -> tuple[Handler, list[httpx.Request]]:
    """A server that gives these answers one after another."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer = answers[min(len(seen), len(answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)

    return handler, seen


def ok(*rewards: float | None) -> httpx.Response:
    return httpx.Response(200, content=response(rewards).model_dump_json())


def error(status: int, **headers: str) -> httpx.Response:
    body = {"error": {"message": "no", "type": "t", "param": "images", "code": "c"}}
    return httpx.Response(status, json=body, headers={k.replace("_", "-"): v for k, v in headers.items()})


@both
def test_frames_go_out_as_base64_and_rewards_come_back(score: Score, grey_frame: NDArray[np.uint8]) -> None:
    handler, seen = answering(ok(0.5, None))
    answer = score(handler, [grey_frame, image_file(grey_frame)], api_key="secret", retries=0)
    assert [item.reward for item in answer.data] == [0.5, None]
    body = json.loads(seen[0].content)
    assert body["images"][0] == body["images"][1]
    assert seen[0].headers["Authorization"] == "Bearer secret"


@both
@pytest.mark.parametrize("status", sorted(BY_STATUS))
def test_each_status_is_its_own_error(score: Score, grey_frame: NDArray[np.uint8], status: int) -> None:
    handler, _ = answering(error(status))
    with pytest.raises(StatusError) as caught:
        score(handler, [grey_frame], retries=0)
    assert type(caught.value) is BY_STATUS[status]
    assert (caught.value.param, caught.value.code) == ("images", "c")


@both
@pytest.mark.parametrize(
    "passing",
    [
        error(503, Retry_After="0"),
        error(429),
        error(504),
        httpx.Response(502, content=b"<html>"),
        httpx.Response(500, content=b"Internal Server Error"),  # a proxy's, not the server's own
        httpx.ConnectError("refused"),
        httpx.ReadTimeout(""),
    ],
)
def test_what_may_pass_is_tried_again(
    score: Score, grey_frame: NDArray[np.uint8], passing: httpx.Response | Exception
) -> None:
    handler, seen = answering(passing, passing, ok(1.0))
    assert score(handler, [grey_frame], retries=2).data[0].reward == 1.0
    assert len(seen) == 3


@both
def test_retries_are_bounded(score: Score, grey_frame: NDArray[np.uint8]) -> None:
    handler, seen = answering(error(503))
    with pytest.raises(UnavailableError):
        score(handler, [grey_frame], retries=3)
    assert len(seen) == 4


@both
def test_only_the_frames_that_failed_are_sent_again(score: Score, grey_frame: NDArray[np.uint8]) -> None:
    handler, seen = answering(ok(0.1, None, 0.3, None), ok(None, 0.4), error(503), ok(0.2))
    other = grey_frame[::-1].copy()
    answer = score(handler, [grey_frame, other, grey_frame, grey_frame])
    assert [item.reward for item in answer.data] == [0.1, 0.2, 0.3, 0.4]
    assert [item.index for item in answer.data] == [0, 1, 2, 3]
    sent = [json.loads(request.content)["images"] for request in seen]
    assert [len(images) for images in sent] == [4, 2, 1, 1]
    assert sent[2] == [sent[0][1]]


@both
def test_a_frame_that_keeps_failing_has_no_reward(score: Score, grey_frame: NDArray[np.uint8]) -> None:
    handler, seen = answering(ok(None))
    assert score(handler, [grey_frame], retries=2).data[0].reward is None
    assert len(seen) == 3


@both
def test_frames_that_fail_for_good_cost_no_other_its_reward(
    score: Score, grey_frame: NDArray[np.uint8]
) -> None:
    handler, seen = answering(ok(0.1, None), ok(None))
    answer = score(handler, [grey_frame, grey_frame], retries=None)
    assert [item.reward for item in answer.data] == [0.1, None]
    assert len(seen) == 1 + MAX_FRAME_RETRIES
    handler, _ = answering(ok(0.1, None), error(503))
    assert score(handler, [grey_frame, grey_frame], retries=1).data[0].reward == 0.1


@both
def test_rewards_of_two_kinds_are_not_mixed(score: Score, grey_frame: NDArray[np.uint8]) -> None:
    other = response([1.0]).model_copy(update={"reward_id": "other"})
    handler, _ = answering(ok(0.1, None), httpx.Response(200, content=other.model_dump_json()))
    with pytest.raises(InvalidAnswerError, match="reward id abc, then other"):
        score(handler, [grey_frame, grey_frame])


@both
def test_all_tries_carry_one_request_id(score: Score, grey_frame: NDArray[np.uint8]) -> None:
    handler, seen = answering(error(503), ok(1.0))
    score(handler, [grey_frame])
    assert len({request.headers["X-Request-Id"] for request in seen}) == 1


@both
def test_a_call_ends_at_its_deadline(
    score: Score, grey_frame: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "FIRST_BACKOFF_S", 0.01)
    handler, seen = answering(error(503))
    started = time.monotonic()
    with pytest.raises(UnavailableError):
        score(handler, [grey_frame], retries=None, deadline_s=0.3)
    assert time.monotonic() - started < 2.0
    assert len(seen) > 1


def test_a_wait_that_the_server_asks_for_is_honoured_and_jittered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "FIRST_BACKOFF_S", 0.25)
    tries = attempts.Attempts(None, 60.0, 100.0, random.Random(0), lambda: 0.0)
    delays = [tries.delay_s(UnavailableError("", retry_after_s=7.0)) for _ in range(20)]
    assert all(delay is not None and 7.0 <= delay <= 7.0 + attempts.MAX_BACKOFF_S for delay in delays)
    assert len(set(delays)) == len(delays)
    assert tries.delay_s(UnavailableError("", retry_after_s=1e9)) is None  # past the deadline
    late = attempts.Attempts(None, 60.0, 5.0, random.Random(0), lambda: 0.0)
    assert late.delay_s(UnavailableError("", retry_after_s=7.0)) is None


@both
@pytest.mark.parametrize("status", [400, 401, 413, 415, 422, 500])
def test_what_will_not_pass_is_not_tried_again(
    score: Score, grey_frame: NDArray[np.uint8], status: int
) -> None:
    handler, seen = answering(error(status))
    with pytest.raises(StatusError):
        score(handler, [grey_frame])
    assert len(seen) == 1


@both
@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (httpx.ConnectError("refused"), ServerUnreachableError),
        (httpx.RemoteProtocolError("closed"), ServerUnreachableError),
        (httpx.ReadTimeout("slow"), RequestTimeoutError),
    ],
)
def test_a_broken_connection_names_the_server(
    score: Score, grey_frame: NDArray[np.uint8], failure: Exception, kind: type[RewardServiceError]
) -> None:
    handler, _ = answering(failure)
    with pytest.raises(kind, match="http://server"):
        score(handler, [grey_frame], retries=0)


@both
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, json={"data": []}),
        httpx.Response(302),
        ok(1.0, 1.0),
    ],
)
def test_an_answer_outside_the_contract_is_an_error(
    score: Score, grey_frame: NDArray[np.uint8], answer: httpx.Response
) -> None:
    handler, _ = answering(answer)
    with pytest.raises(InvalidAnswerError):
        score(handler, [grey_frame])


@both
@pytest.mark.parametrize(
    "frame", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)]
)
def test_an_array_that_is_no_frame_is_refused(score: Score, frame: Any) -> None:
    handler, seen = answering(ok(1.0))
    with pytest.raises(ValueError, match="uint8 RGB"):
        score(handler, [frame])
    with pytest.raises(ValueError, match="no frames"):
        score(handler, [])
    assert not seen


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://server", "http://", "nonsense", "http://x:port"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    for client in (RewardClient, AsyncRewardClient):
        with pytest.raises(ServerUnreachableError, match="is not an http"):
            client(url)


def test_a_server_is_waited_for() -> None:
    info = httpx.Response(200, content=server_info().model_dump_json())
    handler, seen = answering(httpx.ConnectError("refused"), error(503), httpx.Response(200), info)
    with RewardClient("http://server", transport=httpx.MockTransport(handler)) as client:
        assert client.wait_ready(5.0) == server_info()
    assert [request.url.path for request in seen] == ["/readyz", "/readyz", "/readyz", "/info"]


def test_waiting_for_a_server_ends() -> None:
    handler, _ = answering(error(503))
    with (
        RewardClient("http://server", transport=httpx.MockTransport(handler)) as client,
        pytest.raises(ServerNotReadyError),
    ):
        client.wait_ready(0.0)


@pytest.mark.parametrize("kind", [RewardClient, AsyncRewardClient])
def test_a_server_that_trickles_does_not_pass_the_limit(kind: Any) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def trickle() -> None:
        connection, _ = listener.accept()
        with contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(100):
                connection.sendall(b" ")
                time.sleep(0.05)
        connection.close()

    thread = threading.Thread(target=trickle, daemon=True)
    thread.start()
    client = kind(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout_s=0.3, retries=0)
    started = time.monotonic()
    with pytest.raises(RequestTimeoutError):
        asyncio.run(client.info()) if kind is AsyncRewardClient else client.info()
    assert time.monotonic() - started < 2.0
    listener.close()


def test_closing_a_client_ends_its_waits_in_other_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "FIRST_BACKOFF_S", 60.0)
    handler, seen = answering(error(503, Retry_After="60"))
    client = RewardClient("http://server", transport=httpx.MockTransport(handler), retries=None)
    failures: list[Exception] = []

    def ask() -> None:
        try:
            client.info()
        except RewardServiceError as failure:
            failures.append(failure)

    thread = threading.Thread(target=ask)
    thread.start()
    while not seen:
        time.sleep(0.01)
    client.close()
    thread.join(5)
    assert isinstance(failures[0], UnavailableError)
