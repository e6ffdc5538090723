"""Overload, deadlines, disconnects, health, keys and metrics over real sockets, with a stand-in model."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from anyio.to_thread import current_default_thread_limiter
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError

from reward_client.errors import UnavailableError
from reward_client.schema import ScoreRequest
from reward_server.engine.interface import Question
from reward_server.settings import Settings
from reward_server.telemetry.logs import JsonFormatter, request_id
from tests.application import application, never
from tests.fakes import image
from tests.serving import Serving, serving
from tests.waiting import until

KEY, METERED = "k" * 20, "m" * 20


def test_over_the_limits_requests_wait_then_are_sent_away_with_a_time() -> None:
    with serving(max_running_images=2, max_queued_images=4) as server, ThreadPoolExecutor(3) as threads:
        server.engine.hanging = True
        accepted = [threads.submit(server.score, 2) for _ in range(3)]
        until(lambda: server.service.queue.queued_images == 4)
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
        answer = server.score(2, timeout_s=1.0)
        assert answer.status_code == 504
        assert answer.json()["error"]["param"] == "timeout_s"
        assert server.engine.cancelled == 2
        assert server.service.queue.running_images == 0


def test_what_would_be_answered_past_its_deadline_is_sent_away_before_it_is_worked_on() -> None:
    with serving(max_running_images=2) as server, ThreadPoolExecutor(1) as threads:
        server.engine.hanging = True
        first = threads.submit(server.score, 2)
        until(lambda: server.service.queue.running_images == 2)
        time.sleep(0.5)  # so the server learns that 2 images take half a second
        server.engine.hanging = False
        assert first.result().status_code == 200
        server.engine.hanging = True
        second = threads.submit(server.score, 2)
        until(lambda: server.service.queue.running_images == 2)
        refused = server.score(2, timeout_s=0.1)
        assert refused.status_code == 503
        error = refused.json()["error"]
        assert (error["code"], error["param"]) == ("overloaded", "timeout_s")
        assert "2 images come first" in error["message"]
        assert int(refused.headers["Retry-After"]) >= 1
        server.engine.hanging = False
        assert second.result().status_code == 200
        assert len(server.engine.asked) == 4


@pytest.mark.parametrize("timeout_s", [0, -1, 1e9, "soon"])
def test_a_wrong_deadline_is_422(timeout_s: Any) -> None:
    with serving() as server:
        answer = server.score(timeout_s=timeout_s)
        assert answer.status_code == 422
        assert answer.json()["error"]["param"] == "timeout_s"


def _left_open(server: Serving) -> socket.socket:
    """A connection whose client has asked about two frames and reads nothing."""
    body = json.dumps({"images": [image()] * 2, "rubric": "cartpole-upright"})
    head = f"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    connection.sendall(f"{head}\r\n\r\n{body}".encode())
    return connection


def test_a_client_that_leaves_has_its_work_cancelled_and_its_place_freed() -> None:
    with serving(max_running_images=2) as server:
        server.engine.hanging = True
        queue = server.service.queue
        running = _left_open(server)
        until(lambda: queue.running_images == 2)
        waiting = _left_open(server)
        until(lambda: queue.queued_images == 2)
        waiting.close()
        until(lambda: queue.queued_images == 0)
        assert (queue.running_images, server.engine.cancelled) == (2, 0)
        running.close()
        until(lambda: queue.running_images == 0)
        assert server.engine.cancelled == 2
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
        until(lambda: server.service.queue.running_images == 1)
        error = UnavailableError("the server is stopping", code="draining")
        assert server.loop is not None
        server.loop.call_soon_threadsafe(server.service.gate.end, error)
        answer = accepted.result()
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "draining")
        assert server.service.queue.running_images == 0


def test_a_draining_server_takes_nothing_new_and_finishes_what_it_has() -> None:
    with serving() as server, ThreadPoolExecutor(1) as threads:
        server.engine.hanging = True
        accepted = threads.submit(server.score)
        until(lambda: server.service.queue.running_images == 1)
        server.service.gate.drain()
        assert server.http.get("/readyz").json()["error"]["code"] == "draining"
        refused = server.score()
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "draining")
        server.engine.hanging = False
        assert accepted.result().status_code == 200


def test_keys_guard_everything_but_health() -> None:
    with serving(f"{KEY},{METERED} 1") as server:
        for path in ("/info", "/rubrics", "/metrics", "/nope"):
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


@pytest.mark.parametrize(
    "body",
    [
        {"rubric": "cartpole-upright", "images": [0] * 4000},
        {"rubric": "cartpole-upright", "images": ["AAAA"], **{f"k{i}": 0 for i in range(4000)}},
        {"rubric": {f"k{i}": 0 for i in range(4000)}, "images": ["AAAA"]},
    ],
)
def test_a_body_of_thousands_of_errors_is_refused_with_one(body: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        ScoreRequest.model_validate(body)
    assert caught.value.error_count() == 1
    with serving() as server:
        answer = server.http.post("/score", json=body)
        assert answer.status_code == 422
        assert len(answer.content) < 1000


def test_a_full_queue_refuses_before_it_reads_what_is_asked() -> None:
    with serving(max_running_images=1, max_queued_images=0) as server, ThreadPoolExecutor(1) as threads:
        server.engine.hanging = True
        accepted = threads.submit(server.score)
        until(lambda: server.service.queue.running_images == 1)
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


def test_a_rubric_that_came_with_its_request_is_prepared_beside_the_event_loop() -> None:
    with serving() as server:
        prepared: list[str] = []
        question = server.engine.question

        def noted(*args: Any, **kwargs: Any) -> Question:
            prepared.append(threading.current_thread().name)
            return question(*args, **kwargs)

        server.engine.question = noted  # type: ignore[method-assign]
        inline = {
            "prompt": "Is it?",
            "readout": {"type": "yes_no", "yes": "Yes", "no": "No"},
            "reward": {"type": "probability"},
        }
        assert server.score(rubric=inline).status_code == 200
        assert prepared
        assert server.thread.name not in prepared


def test_a_request_needs_none_of_the_threads_that_routes_share() -> None:
    async def take_all() -> None:
        current_default_thread_limiter().total_tokens = 0

    with serving() as server:
        assert server.loop
        asyncio.run_coroutine_threadsafe(take_all(), server.loop).result(10)
        assert server.score().status_code == 200
        assert server.http.get("/info").status_code == 200


def test_metrics_name_a_route_without_the_path_that_a_proxy_puts_before_it() -> None:
    with application(never, Settings(), root_path="/behind") as client:
        client.get("/livez")
        assert 'requests_total{route="/livez",status="200"}' in client.get("/metrics").text
