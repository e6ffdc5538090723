"""What a client may do to its connection: heads, bodies and answers that are too slow or too large."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any

import httpx
import pytest

from reward_server.api import connection_limits
from reward_server.api.connection_limits import ImpatientProtocol
from tests.serving import Serving, serving
from tests.waiting import until


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
    monkeypatch.setattr(connection_limits, "HEAD_TIMEOUT_S", 0.3)
    with serving() as server:
        started = time.monotonic()
        assert raw(server, begun) == b""
        assert time.monotonic() - started < 3.0
        assert server.score().status_code == 200


def test_slow_heads_behind_a_first_request_lose_their_connection_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limits, "HEAD_TIMEOUT_S", 0.3)
    with serving() as server, socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" in connection.recv(65536)
        connection.sendall(b"GET /li")
        assert connection.recv(65536) == b""


def test_a_head_over_the_limit_loses_its_connection() -> None:
    with serving() as server:
        started, answer = time.monotonic(), b""
        with contextlib.suppress(ConnectionError):
            answer = raw(server, b"GET /livez HTTP/1.1\r\n", *[b"X-a: " + b"a" * 8000 + b"\r\n"] * 20)
        assert answer == b""
        assert time.monotonic() - started < 3.0  # long before the head's time is up
        assert server.score().status_code == 200


def test_a_client_that_never_reads_loses_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limits, "READ_TIMEOUT_S", 0.3)
    with serving() as server:
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=2)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
        with contextlib.suppress(TimeoutError, ConnectionError):
            connection.sendall(request * 3000)
        until(lambda: bool(unread(server)))
        until(lambda: not unread(server))
        connection.close()


def unread(server: Serving) -> list[Any]:
    """Connections whose client does not read."""
    return [c for c in list(server.server.server_state.connections) if c.flow.write_paused]  # type: ignore[union-attr]


def test_silent_connections_make_room_for_health_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImpatientProtocol, "max_connections", 5)
    with serving() as server:
        silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(30)]
        for path in ("/livez", "/readyz"):
            assert httpx.get(f"http://127.0.0.1:{server.port}{path}").status_code == 200
        assert len(server.server.server_state.connections) <= 6
        for connection in silent:
            connection.close()
