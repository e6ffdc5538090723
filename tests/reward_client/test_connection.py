"""Address, key, proxies and certificates: used as meant, or named at once, and never a password shown."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from reward_client import AsyncRewardClient, RewardClient
from reward_client._protocol.connection import Connection
from reward_client.errors import (
    AuthenticationError,
    ConfigurationError,
    RewardServiceError,
    ServerUnreachableError,
)
from tests.fakes import server_info
from tests.serving import Serving, serving

PROXIES = (
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
)
KEY = "a-key-of-these-tests"
NOBODY = "http://127.0.0.1:9"
"""A port where nobody listens."""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with serving() as server:
        yield server


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[str]]]:
    """A proxy that answers /info for any server, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = server_info().model_dump_json().encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    listener = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    yield f"127.0.0.1:{listener.server_port}", asked
    listener.shutdown()
    thread.join()
    listener.server_close()


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
@pytest.mark.parametrize("value", [NOBODY, "nonsense://x", "http://", "socks5://127.0.0.1:9"])
def test_this_machine_is_asked_without_a_proxy(
    server: Serving, monkeypatch: pytest.MonkeyPatch, name: str, host: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    if host == "127.0.0.2":
        RewardClient(f"http://{host}:{server.port}").close()  # nobody listens there; it can be asked
        return
    with RewardClient(f"http://{host}:{server.port}") as client:
        assert client.wait_ready(1.0).model == "fake"


def test_an_asynchronous_client_asks_this_machine_without_a_proxy(
    server: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", NOBODY)

    async def ask() -> str:
        async with AsyncRewardClient(f"http://127.0.0.1:{server.port}") as client:
            return (await client.info()).model

    assert asyncio.run(ask()) == "fake"


@pytest.mark.parametrize("scheme", ["http://", ""])
@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_other_machines_are_asked_through_the_proxy(
    proxy: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch, name: str, scheme: str
) -> None:
    address, asked = proxy
    monkeypatch.setenv(name, scheme + address)
    with RewardClient("http://reward.example:8000", retries=0) as client:
        assert client.info().model == "fake"
    assert asked == ["http://reward.example:8000/info"]


@pytest.mark.parametrize(
    ("host", "exceptions"),
    [
        ("10.1.2.3", "10.0.0.0/8"),
        ("10.1.2.3", "example.org, 10.1.2.3"),
        ("[fd00::1]", "fd00::/8"),
        ("reward.cluster.local", ".cluster.local"),
        ("reward.cluster.local", "reward.cluster.local:8000"),
        ("10.1.2.3", "*"),
    ],
)
def test_no_proxy_is_heeded(monkeypatch: pytest.MonkeyPatch, host: str, exceptions: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", "nonsense://x")  # would be refused if it were used
    monkeypatch.setenv("NO_PROXY", exceptions)
    RewardClient(f"http://{host}:8000").close()


@pytest.mark.parametrize("exceptions", ["fe80::/10, [::1", "reward.example.org", ",,"])
def test_other_exceptions_leave_the_proxy_in_place(monkeypatch: pytest.MonkeyPatch, exceptions: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", NOBODY)
    monkeypatch.setenv("NO_PROXY", exceptions)
    with (
        RewardClient("http://reward.example", retries=0) as client,
        pytest.raises(ServerUnreachableError, match="through the proxy that HTTP_PROXY names"),
    ):
        client.info()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PROXY", "nonsense://user:hunter2@proxy"),
        ("http_proxy", "http://"),
        ("ALL_PROXY", "http://user:hunter2@proxy:port"),
        ("HTTP_PROXY", "socks5://user:hunter2@proxy"),
    ],
)
@pytest.mark.parametrize("kind", [RewardClient, AsyncRewardClient])
def test_a_proxy_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, kind: Any
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name) as caught:
        kind("http://reward.example")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["SSL_CERT_FILE"])
def test_certificates_that_cannot_be_loaded_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, name: str
) -> None:
    for path in (tmp_path / "none.pem", tmp_path):
        monkeypatch.setenv(name, str(path))
        with pytest.raises(ConfigurationError, match=name):
            RewardClient("https://reward.example")
        RewardClient("http://reward.example").close()  # needs none
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")
    monkeypatch.setenv(name, str(empty))
    with pytest.raises(ConfigurationError, match=name):
        RewardClient("https://reward.example")


@pytest.mark.parametrize("key", [f"{KEY}\n", f" {KEY}", f"{KEY}\r\n", f"\t{KEY}\t"])
@pytest.mark.parametrize("kind", [RewardClient, AsyncRewardClient])
def test_white_space_around_a_key_is_dropped(key: str, kind: Any) -> None:
    with serving(keys=KEY) as server:
        url = f"http://127.0.0.1:{server.port}"
        if kind is AsyncRewardClient:

            async def ask() -> str:
                async with AsyncRewardClient(url, api_key=key, retries=0) as client:
                    return (await client.info()).model

            assert asyncio.run(ask()) == "fake"
        else:
            with RewardClient(url, api_key=key, retries=0) as client:
                assert client.info().model == "fake"


@pytest.mark.parametrize(
    ("key", "what"),
    [
        (" \n", "nothing but white space"),
        ("two words", "white space at place 4"),
        ("se\ncret", "white space at place 3"),
        ("schlüssel", "not ASCII or not printable at place 5"),
        ("\ufeffsecret", "not ASCII or not printable at place 1"),
        ("secret\x00", "not ASCII or not printable at place 7"),
    ],
)
@pytest.mark.parametrize("kind", [RewardClient, AsyncRewardClient])
def test_a_key_that_a_header_cannot_carry_is_refused_at_once(key: str, what: str, kind: Any) -> None:
    with pytest.raises(ConfigurationError, match=what) as caught:
        kind("http://reward.example", api_key=key)
    assert key.strip() not in str(caught.value) or not key.strip()


def test_no_key_is_sent_where_there_is_none() -> None:
    with serving(keys=KEY) as server:
        for key in (None, ""):
            with (
                RewardClient(f"http://127.0.0.1:{server.port}", api_key=key, retries=0) as client,
                pytest.raises(AuthenticationError),
            ):
                client.info()


def test_a_password_in_an_address_is_never_shown() -> None:
    with RewardClient("http://user:hunter2@127.0.0.1:9", retries=0) as client:
        with pytest.raises(ServerUnreachableError, match=r"//127\.0\.0\.1:9") as caught:
            client.info()
        with pytest.raises(RewardServiceError, match=r"//127\.0\.0\.1:9") as waited:
            client.wait_ready(0.0)
    for address in (
        "http://user:hunter2@",
        "http://user:hunter2@host:port",
        "ftp://user:hunter2@host",
        "http://user:hun/hunter2@host:8000",
        "user:hunter2@host:8000",
        "ftp://u:p@hunter2@host",
    ):
        with pytest.raises(ConfigurationError) as refused:
            RewardClient(address)
        assert "hunter2" not in str(refused.value)
    assert "hunter2" not in f"{caught.value} {waited.value} {client!r}"


def test_a_host_that_cannot_be_one_is_an_error_of_ours() -> None:
    with RewardClient("http://reward..example", retries=0) as client, pytest.raises(ServerUnreachableError):
        client.info()


def test_a_key_and_a_password_are_not_both_taken() -> None:
    with pytest.raises(ConfigurationError, match="use one") as caught:
        RewardClient("http://user:hunter2@host", api_key=KEY)
    assert "hunter2" not in str(caught.value)
    assert KEY not in repr(Connection.checked("http://host", KEY))
    assert "hunter2" not in repr(Connection.checked("http://user:hunter2@host", None))


def test_a_password_in_the_address_is_sent_as_basic_authentication(proxy: tuple[str, list[str]]) -> None:
    with RewardClient(f"http://user:hunter2@{proxy[0]}", retries=0) as client:
        assert client.info().model == "fake"


@pytest.mark.parametrize("port", ["0", "65536", "99999"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(ConfigurationError, match="is no port"):
        RewardClient(f"http://host:{port}")


def test_a_key_that_is_no_text_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="of type bytes"):
        RewardClient("http://host", api_key=b"k")  # type: ignore[arg-type] # as users do


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "localhost.", "127.1", "[::ffff:127.0.0.1]", "[::1]", "a.localhost"]
)
def test_this_machine_by_another_spelling_is_asked_without_a_proxy(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "nonsense://x")  # would be refused if it were used
    RewardClient(f"http://{host}:8000").close()
