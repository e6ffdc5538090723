"""Overload, deadlines, disconnects, health, keys and metrics over real sockets, with a stand-in model."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import uvicorn
from prometheus_client.parser import text_string_to_metric_families

from reward_client.errors import UnavailableError
from reward_server import protocol
from reward_server.access import read_keys
from reward_server.app import create_app
from reward_server.protocol import ImpatientProtocol
from reward_server.request_log import JsonFormatter, request_id
from reward_server.rubrics import load_rubrics
from reward_server.service import Rewarder, Service
from reward_server.settings import Settings
from tests.fakes import FakeEngine, image

KEY, METERED = "k" * 20, "m" * 20


class Serving:
    """A server in a thread of this process."""

    def __init__(self, engine: FakeEngine, settings: Settings, keys: str | None = None) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None

        async def load() -> Rewarder:
            self.loop = asyncio.get_running_loop()
            return Rewarder(engine, load_rubrics(), settings)

        self.engine, self.failures = engine, list[BaseException]()
        self.service = Service(load, self.failures.append, settings, read_keys(keys, None))
        listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = listener.getsockname()[1]
        self.server = uvicorn.Server(
            uvicorn.Config(
                create_app(self.service, settings), log_config=None, lifespan="on", http=ImpatientProtocol
            )
        )
        self.thread = threading.Thread(target=self.server.run, args=([listener],))
        self.thread.start()
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=20.0)
        until(lambda: self.http.get("/readyz").status_code == 200)

    def score(self, count: int = 1, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        sent = {"images": [image()] * count, "rubric": "cartpole-upright", **body}
        return self.http.post("/score", json=sent, headers=headers)

    def stop(self) -> None:
        self.engine.hanging = False
        self.http.close()
        self.server.should_exit = True
        self.thread.join(10)


def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


@contextlib.contextmanager
def serving(keys: str | None = None, **settings: Any) -> Iterator[Serving]:
    server = Serving(FakeEngine(), Settings(**{"cache_bytes": 0, **settings}), keys)
    try:
        yield server
    finally:
        server.stop()


def test_over_the_limits_requests_wait_then_are_sent_away_with_a_time() -> None:
    with serving(max_running_images=2, max_queued_images=4) as server, ThreadPoolExecutor(3) as threads:
        server.engine.hanging = True
        accepted = [threads.submit(server.score, 2) for _ in range(3)]
        until(lambda: server.service.admission.queued_images == 4)
        refused = server.score(2)
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "overloaded"
        assert int(refused.headers["Retry-After"]) >= 1
        for path in ("/livez", "/readyz"):
            started = time.monotonic()
            assert server.http.get(path).status_code == 200
            assert time.monotonic() - started < 1.0
        server.engine.hanging = False
        answers = [future.result() for future in accepted]
        assert {answer.status_code for answer in answers} == {200}
        assert max(answer.json()["timings"]["queue_s"] for answer in answers) > 0.0
        assert len(server.engine.asked) == 6


def test_past_its_deadline_a_request_is_504_and_its_work_is_cancelled() -> None:
    with serving() as server:
        server.engine.hanging = True
        answer = server.score(2, timeout_s=0.2)
        assert answer.status_code == 504
        assert answer.json()["error"]["param"] == "timeout_s"
        assert server.engine.cancelled == 2
        assert server.service.admission.running_images == 0


@pytest.mark.parametrize("timeout_s", [0, -1, 1e9, "soon"])
def test_a_wrong_deadline_is_422(timeout_s: Any) -> None:
    with serving() as server:
        answer = server.score(timeout_s=timeout_s)
        assert answer.status_code == 422
        assert answer.json()["error"]["param"] == "timeout_s"


def test_a_client_that_leaves_has_its_work_cancelled_and_its_place_freed() -> None:
    with serving(max_running_images=2) as server:
        server.engine.hanging = True
        for _ in range(2):  # one that runs, one that waits
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(
                    f"http://127.0.0.1:{server.port}/score",
                    json={"images": [image()] * 2, "rubric": "cartpole-upright"},
                    timeout=0.3,
                )
        until(lambda: server.engine.cancelled == 2)
        until(lambda: server.service.admission.running_images == 0)
        assert server.service.admission.queued_images == 0
        server.engine.hanging = False
        assert server.score().status_code == 200


def test_an_engine_that_hangs_is_not_ready_and_comes_back() -> None:
    with serving(canary_after_s=0.2, stuck_after_s=0.3) as server:
        server.engine.hanging = True
        until(lambda: server.http.get("/readyz").status_code == 503)
        assert server.http.get("/readyz").json()["error"]["code"] == "engine_stuck"
        assert server.http.get("/livez").status_code == 200
        server.engine.hanging = False
        until(lambda: server.http.get("/readyz").status_code == 200)


def test_an_engine_that_dies_when_idle_is_noticed() -> None:
    with serving(canary_after_s=0.2) as server:
        server.engine.dead = True
        until(lambda: len(server.failures) == 1)
        assert server.http.get("/readyz").status_code == 503


def test_a_request_that_outlives_the_drain_is_told_so() -> None:
    with serving() as server, ThreadPoolExecutor(1) as threads:
        server.engine.hanging = True
        accepted = threads.submit(server.score)
        until(lambda: server.service.admission.running_images == 1)
        error = UnavailableError("the server is stopping", code="draining")
        assert server.loop is not None
        server.loop.call_soon_threadsafe(server.service.gate.end, error)
        answer = accepted.result()
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "draining")
        assert server.engine.cancelled == 1


def test_a_draining_server_takes_nothing_new_and_finishes_what_it_has() -> None:
    with serving() as server, ThreadPoolExecutor(1) as threads:
        server.engine.hanging = True
        accepted = threads.submit(server.score)
        until(lambda: server.service.admission.running_images == 1)
        server.service.gate.drain()
        assert server.http.get("/readyz").json()["error"]["code"] == "draining"
        refused = server.score()
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "draining")
        server.engine.hanging = False
        assert accepted.result().status_code == 200


def test_keys_guard_everything_but_health() -> None:
    with serving(f"{KEY},{METERED} 1") as server:
        for path in ("/info", "/rubrics", "/metrics", "/docs", "/openapi.json", "/nope"):
            refused = server.http.get(path)
            assert refused.status_code == 401, path
            assert refused.json()["error"]["type"] == "authentication_error"
            assert refused.headers["WWW-Authenticate"] == "Bearer"
        assert server.score().status_code == 401
        assert server.score(headers={"Authorization": f"Bearer {KEY[1:]}x"}).status_code == 401
        for path in ("/livez", "/readyz"):
            assert server.http.get(path).status_code == 200
        assert server.score(headers={"Authorization": f"Bearer {KEY}"}).status_code == 200


def test_a_quota_is_429_with_a_time() -> None:
    with serving(f"{METERED} 1", max_images_per_request=4) as server:
        headers = {"Authorization": f"Bearer {METERED}"}
        assert server.score(4, headers=headers).status_code == 200
        refused = server.score(4, headers=headers)
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= 4


def test_metrics_may_be_open() -> None:
    with serving(KEY, metrics_open=True) as server:
        assert server.http.get("/metrics").status_code == 200


def raw(server: Serving, *parts: bytes, wait_s: float = 5.0) -> bytes:
    """What the server answers to bytes that are sent as they are."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=wait_s) as connection:
        for part in parts:
            connection.sendall(part)
        answer = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while chunk := connection.recv(65536):
                answer += chunk
                if b"\r\n\r\n" in answer and answer.endswith(b"}"):
                    break
        return answer


HEAD = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def test_a_chunked_body_over_the_limit_is_413() -> None:
    with serving(max_body_bytes=1000) as server:
        chunk = b"200\r\n" + b"A" * 0x200 + b"\r\n"
        answer = raw(server, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunk, chunk, b"0\r\n\r\n")
        assert b"413" in answer.split(b"\r\n")[0]
        assert b"body_too_large" in answer


def test_a_promised_length_over_the_limit_is_413_before_it_comes() -> None:
    with serving(max_body_bytes=1000) as server:
        answer = raw(server, HEAD + b"Content-Length: 1000000000\r\n\r\n", b"{")
        assert b"413" in answer.split(b"\r\n")[0]


def test_a_body_that_trickles_is_408_and_the_server_goes_on() -> None:
    with serving(body_timeout_s=0.3) as server:
        answer = raw(server, HEAD + b"Content-Length: 100\r\n\r\n", b"{")
        assert b"408" in answer.split(b"\r\n")[0]
        assert server.score().status_code == 200


def test_bodies_that_are_too_much_together_are_503() -> None:
    with serving(max_pending_bytes=3000) as server:
        answer = raw(server, HEAD + b"Content-Length: 5000\r\n\r\n", b"{" + b" " * 4000)
        assert b"503" in answer.split(b"\r\n")[0]
        assert b"overloaded" in answer
        assert server.score().status_code == 200  # the bytes were given back


@pytest.mark.parametrize("begun", [b"", b"POST /sco", HEAD])
def test_a_head_that_does_not_come_loses_its_connection(
    begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.3)
    with serving() as server:
        started = time.monotonic()
        assert raw(server, begun) == b""
        assert time.monotonic() - started < 3.0
        assert server.score().status_code == 200


def test_slow_heads_behind_a_first_request_lose_their_connection_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.3)
    with serving() as server, socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" in connection.recv(65536)
        connection.sendall(b"GET /li")
        assert connection.recv(65536) == b""


def test_a_head_over_the_limit_loses_its_connection() -> None:
    with serving() as server:
        with contextlib.suppress(ConnectionError):
            assert raw(server, b"GET /livez HTTP/1.1\r\n", *[b"X-a: " + b"a" * 8000 + b"\r\n"] * 20) == b""
        assert server.score().status_code == 200


def test_a_client_that_never_reads_loses_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "READ_TIMEOUT_S", 0.3)
    with serving() as server:
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=2)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
        with contextlib.suppress(TimeoutError, ConnectionError):
            for _ in range(200):
                connection.sendall(request)
        until(lambda: not server.server.server_state.connections - live_connections(server))
        connection.close()


def live_connections(server: Serving) -> set[Any]:
    """Those of the test's own client, which reads."""
    return {c for c in server.server.server_state.connections if getattr(c, "is_idle", False)}


def test_silent_connections_make_room_for_health_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImpatientProtocol, "max_connections", 5)
    with serving() as server:
        silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(30)]
        for path in ("/livez", "/readyz"):
            assert httpx.get(f"http://127.0.0.1:{server.port}{path}").status_code == 200
        assert len(server.server.server_state.connections) <= 6
        for connection in silent:
            connection.close()


@pytest.mark.parametrize(
    "body",
    [
        {"rubric": "cartpole-upright", "images": [0] * 4000},
        {"rubric": "cartpole-upright", "images": ["AAAA"], **{f"k{i}": 0 for i in range(4000)}},
        {"rubric": {f"k{i}": 0 for i in range(4000)}, "images": ["AAAA"]},
    ],
)
def test_a_body_of_thousands_of_errors_is_refused_with_one(body: Any) -> None:
    with serving() as server:
        answer = server.http.post("/score", json=body)
        assert answer.status_code == 422
        assert len(answer.content) < 1000


def test_a_full_queue_refuses_before_it_reads_what_is_asked() -> None:
    with serving(max_running_images=1, max_queued_images=0) as server, ThreadPoolExecutor(1) as threads:
        server.engine.hanging = True
        accepted = threads.submit(server.score)
        until(lambda: server.service.admission.is_full)
        refused = server.http.post("/score", content=b"{" * 500_000)
        assert refused.status_code == 503
        server.engine.hanging = False
        assert accepted.result().status_code == 200


def test_an_unforeseen_error_is_500_in_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as server:
        monkeypatch.setattr(server.service, "render_metrics", lambda: 1 / 0)
        answer = server.http.get("/metrics", headers={"X-Request-Id": "abc"})
        assert answer.status_code == 500
        assert answer.json()["error"]["type"] == "server_error"
        assert answer.headers["X-Request-Id"] == "abc"


def test_no_line_can_be_forged_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), serving() as server:
        server.http.get("/x%0aERROR%1b[31m")
    assert not any("\n" in record.getMessage() for record in caplog.records)


def test_request_ids_come_back_and_strange_ones_are_replaced() -> None:
    with serving() as server:
        assert (
            server.score(headers={"X-Request-Id": "run-7/step.3"}).headers["X-Request-Id"] == "run-7/step.3"
        )
        for strange in ("a b", "x" * 200, "\u00e9"):
            answer = server.http.get("/livez", headers={b"X-Request-Id": strange.encode()})
            assert len(answer.headers["X-Request-Id"]) == 32


def test_log_lines_are_json_with_the_request_id() -> None:
    token = request_id.set("abc")
    try:
        record = logging.LogRecord("x", logging.INFO, "", 0, "hello %s", ("you",), None)
        record.status, record.duration_s = 200, 0.5
        line = json.loads(JsonFormatter().format(record))
    finally:
        request_id.reset(token)
    assert (line["message"], line["request_id"], line["status"]) == ("hello you", "abc", 200)


def samples(server: Serving) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = server.http.get("/metrics").text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_count_what_was_answered() -> None:
    with serving(cache_bytes=100_000) as server:
        server.score(3)
        server.score(images=[image("black"), "AAAA"])
        server.score(rubric="nope")
        found = samples(server)
        rubric = ("rubric", "cartpole-upright")
        assert found["vlm_reward_requests_total", (("route", "/score"), ("status", "200"))] == 2
        assert found["vlm_reward_requests_total", (("route", "/score"), ("status", "422"))] == 1
        assert found["vlm_reward_frames_total", (rubric, ("status", "ok"))] == 4
        assert found["vlm_reward_frames_total", (rubric, ("status", "invalid_frame"))] == 1
        assert found["vlm_reward_reward_count", (rubric,)] == 4
        assert found["vlm_reward_label_mass_count", (rubric,)] == 4
        assert found["vlm_reward_top_answer_share", (rubric,)] == 0.75
        assert found["vlm_reward_phase_seconds_count", (("phase", "engine"),)] == 2
        assert found["vlm_reward_images", (("state", "running"),)] == 0
        assert found["vlm_reward_ready", ()] == 1
        pair = {"first": image("white"), "second": image("black")}
        server.http.post("/compare", json={"pairs": [pair], "rubric": "cartpole-upright"})
        counted = (("consistent", "false"), rubric, ("status", "ok"))
        assert samples(server)["vlm_reward_comparisons_total", counted] == 1
