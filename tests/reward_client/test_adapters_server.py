"""The HTTP form of OpenRLHF's reward function: JSON in, JSON out, and pickle is never read."""

from __future__ import annotations

import os
import pickle
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from reward_client.adapters import OpenRLHFReward
from reward_client.adapters.openrlhf_server import MAX_BODY_BYTES, OpenRLHFServer
from tests.reward_client.graded import grey
from tests.reward_client.test_adapters_texts import FakeClient


@pytest.fixture
def client() -> FakeClient:
    return FakeClient()


@pytest.fixture
def server(client: FakeClient) -> Iterator[httpx.Client]:
    reward = OpenRLHFReward(client, "shows", frame_of=lambda row: grey(int(row["label"])), on_null="raise")
    with OpenRLHFServer(reward, port=0) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.05,))
        thread.start()
        with httpx.Client(base_url=serving.url.removesuffix("/get_reward"), timeout=10.0) as http:
            yield http
        serving.shutdown()
        thread.join(10)


BODY = {"query": ["Say: cat", "Say: dog"], "prompts": ["Say: ", "Say: "], "labels": ["3", "4"]}


def test_it_answers_as_openrlhfs_own_reward_server(server: httpx.Client) -> None:
    answer = server.post("/get_reward", json=BODY)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"rewards": [3.0, 4.0], "scores": [3.0, 4.0], "extra_logs": {"vlm_null": 0.0}}


def test_every_answer_says_that_the_connection_is_closed(server: httpx.Client) -> None:
    for body in (BODY, {}, {**BODY, "labels": ["3", "7"]}):
        assert server.post("/get_reward", json=body).headers["Connection"] == "close"


def test_a_reward_function_that_breaks_is_an_error_in_json_and_in_the_log(
    server: httpx.Client, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = server.post("/get_reward", json={**BODY, "labels": ["3", "no number"]})
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/json"
    assert "ValueError: invalid literal" in answer.json()["error"]["message"]
    assert "the reward function failed" in caplog.text
    assert "Exception occurred during processing" not in capfd.readouterr().err


def test_a_null_is_an_error_and_not_a_number(server: httpx.Client) -> None:
    answer = server.post("/get_reward", json={**BODY, "labels": ["3", "7"]})
    assert answer.status_code == 503
    assert "row 1 has no reward (failed)" in answer.json()["error"]["message"]


class Planted:
    """What a stranger sends to a server that unpickles: it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("kind", ["application/json", "application/octet-stream"])
def test_pickle_is_never_read(server: httpx.Client, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "planted"
    body = pickle.dumps(Planted(path))
    answer = server.post("/get_reward", content=body, headers={"Content-Type": kind})
    assert answer.status_code == (400 if kind == "application/json" else 415)
    assert not path.exists()
    pickle.loads(body)  # it would have worked
    assert path.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"query": "a", "prompts": "b", "labels": "c"}',
        b'{"query": ["a"], "prompts": [], "labels": ["c"]}',
        b'{"query": [1], "prompts": ["b"], "labels": ["c"]}',
        b'{"query": [], "prompts": [], "labels": []}',
    ],
)
def test_another_shape_is_refused(server: httpx.Client, body: bytes) -> None:
    answer = server.post("/get_reward", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert "query, prompts and labels" in answer.json()["error"]["message"]


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000])
def test_what_is_not_json_is_refused(server: httpx.Client, body: bytes) -> None:
    answer = server.post("/get_reward", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


def test_other_paths_and_bodies_without_a_length_or_too_long_are_refused(server: httpx.Client) -> None:
    assert server.post("/", json=BODY).status_code == 404
    assert server.get("/get_reward").status_code == 501
    headers = {"Content-Type": "application/json"}
    assert server.post("/get_reward", content=iter([b"{}"]), headers=headers).status_code == 411
    with socket.create_connection((server.base_url.host, server.base_url.port or 0), timeout=10) as raw:
        raw.sendall(
            b"POST /get_reward HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
            + f"Content-Length: {MAX_BODY_BYTES + 1}\r\n\r\n".encode()
        )
        assert b" 413 " in raw.recv(100)
