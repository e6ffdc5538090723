"""Waiting for a server: it says what for, and it ends at once where it cannot help."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from reward_client import AsyncRewardClient, RewardClient
from reward_client._protocol import readiness
from reward_client.errors import RewardServiceError, ServerNotReadyError, ServerUnreachableError
from tests.fakes import server_info
from tests.serving import serving

Handler = Callable[[httpx.Request], httpx.Response]


def sync_wait(url: str, timeout_s: float, handler: Handler | None = None) -> None:
    with RewardClient(url, transport=httpx.MockTransport(handler) if handler else None) as client:
        client.wait_ready(timeout_s)


def async_wait(url: str, timeout_s: float, handler: Handler | None = None) -> None:
    async def wait() -> None:
        transport = httpx.MockTransport(handler) if handler else None
        async with AsyncRewardClient(url, transport=transport) as client:
            await client.wait_ready(timeout_s)

    asyncio.run(wait())


both = pytest.mark.parametrize("wait", [sync_wait, async_wait])


def failing_with(cause: Exception) -> Handler:
    """A server to which a connection fails as it does with a real one."""

    def handler(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(str(cause)) from cause

    return handler


@both
def test_tls_to_a_port_that_speaks_none_ends_at_once(wait: Any) -> None:
    started = time.monotonic()
    with serving() as server, pytest.raises(ServerNotReadyError, match="is it an http:// address"):
        wait(f"https://127.0.0.1:{server.port}", 60.0)
    assert time.monotonic() - started < 20


@both
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, text="<h1>Not Found</h1>"),
        httpx.Response(404, json={"error": {"message": "no such path", "type": "not_found_error"}}),
        httpx.Response(401),
        httpx.Response(400, text="The plain HTTP request was sent to HTTPS port"),
    ],
)
def test_another_service_ends_the_wait_at_once(wait: Any, answer: httpx.Response) -> None:
    def handler(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(answer.status_code, content=answer.content)

    with pytest.raises(ServerNotReadyError, match="no reward server at this address"):
        wait("http://server", 60.0, handler)


@both
def test_a_page_that_is_no_reward_servers_ends_the_wait_at_once(wait: Any) -> None:
    with pytest.raises(RewardServiceError, match="is not a ServerInfo"):
        wait("http://server", 60.0, lambda _request: httpx.Response(200, text="<html>Welcome</html>"))


@both
@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "no host of this name is known"),
        (ssl.SSLCertVerificationError(1, "certificate verify failed"), "certificate cannot be trusted"),
        (UnicodeError("label empty or too long"), "cannot be the name of a host"),
    ],
)
def test_what_no_wait_can_mend_ends_it(
    wait: Any, cause: Exception, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "UNKNOWN_HOST_S", 0.5)
    monkeypatch.setattr("reward_client._protocol.calls.READY_POLL_S", 0.1)
    with pytest.raises(ServerNotReadyError, match=reason):
        wait("https://server", 60.0, failing_with(cause))


@both
@pytest.mark.parametrize(
    ("passing", "reason"),
    [
        (failing_with(ConnectionRefusedError(111, "Connection refused")), "Connection refused"),
        (
            failing_with(socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")),
            "Temporary",
        ),
        (
            lambda _request: httpx.Response(503, json={"error": {"message": "the model loads", "type": "t"}}),
            "loads",
        ),
        (lambda _request: httpx.Response(502), "the proxy cannot reach its server"),
        (lambda _request: httpx.Response(404, text="not found; see /-/routes"), "404"),
    ],
)
def test_what_may_pass_is_waited_for_and_said_in_the_end(wait: Any, passing: Handler, reason: str) -> None:
    with pytest.raises(ServerNotReadyError, match=f"was not ready within 0.6 s: .*{reason}"):
        wait("http://server", 0.6, passing)


def test_a_port_where_nobody_listens_yet_is_waited_for_and_told(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    with caplog.at_level(logging.INFO, "reward_client"), pytest.raises(ServerNotReadyError, match="refused"):
        sync_wait(f"http://127.0.0.1:{port}", 1.2)
    assert [record.levelname for record in caplog.records] == ["WARNING"]  # once, not with each look
    assert f"waiting for http://127.0.0.1:{port}: " in caplog.text
    assert "refused" in caplog.text


def test_each_new_reason_is_told(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reward_client._protocol.calls.READY_POLL_S", 0.01)
    refused = httpx.ConnectError("Connection refused")
    loads = httpx.Response(503, json={"error": {"message": "the model loads", "type": "t"}})
    ready = httpx.Response(200, content=server_info().model_dump_json())
    answers: Iterator[Any] = iter([refused, refused, loads, loads, loads, ready, ready])

    def handler(_request: httpx.Request) -> httpx.Response:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, content=answer.content)

    with caplog.at_level(logging.INFO, "reward_client"):
        sync_wait("http://server", 5.0, handler)
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert [level for level, _ in told] == ["WARNING", "INFO"]
    assert "Connection refused" in told[0][1]
    assert "the model loads" in told[1][1]


def test_closing_a_client_ends_its_wait_in_another_thread() -> None:
    client = RewardClient("http://127.0.0.1:9")
    failures: list[Exception] = []

    def wait() -> None:
        try:
            client.wait_ready(60.0)
        except RewardServiceError as failure:
            failures.append(failure)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.3)
    client.close()
    thread.join(5)
    assert isinstance(failures[0], ServerNotReadyError | ServerUnreachableError)


@both
def test_an_address_that_sends_clients_elsewhere_says_so(wait: Any) -> None:
    moved = httpx.Response(308, headers={"Location": "https://server/readyz"})
    with pytest.raises(ServerNotReadyError, match="sends clients to https://server/readyz; use that address"):
        wait("http://server", 60.0, lambda _request: httpx.Response(308, headers=moved.headers))


@both
def test_a_peer_that_hangs_up_may_speak_tls_later(wait: Any) -> None:
    hung_up = ssl.SSLEOFError(8, "EOF occurred in violation of protocol")
    with pytest.raises(ServerNotReadyError, match=r"was not ready within 0\.6 s"):
        wait("https://server", 0.6, failing_with(hung_up))


def test_a_proxy_that_refuses_ends_the_wait() -> None:
    def handler(_request: httpx.Request) -> httpx.Response:
        raise httpx.ProxyError("407 Proxy Authentication Required")

    with pytest.raises(ServerNotReadyError, match="the proxy refuses: 407"):
        sync_wait("https://server", 60.0, handler)


def test_a_name_that_is_lost_for_a_moment_ends_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reward_client._protocol.calls.READY_POLL_S", 0.01)
    ready = httpx.Response(200, content=server_info().model_dump_json())
    loads = httpx.Response(503, json={"error": {"message": "the model loads", "type": "t"}})
    lost = httpx.ConnectError("Name or service not known")
    lost.__cause__ = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    answers: Iterator[Any] = iter([loads, lost, loads, lost, ready, ready])

    def handler(_request: httpx.Request) -> httpx.Response:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, content=answer.content)

    sync_wait("http://server", 5.0, handler)
