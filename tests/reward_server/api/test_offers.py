"""What a client may offer beside its request: an upgrade, an encoding, a method that only asks for a head."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import pytest

from tests.fakes import image
from tests.serving import Serving, serving

BODY = json.dumps({"images": [image()], "rubric": "cartpole-upright"}).encode()
LENGTH = f"Content-Length: {len(BODY)}"
CHUNKED = f"{len(BODY):x}\r\n".encode() + BODY + b"\r\n0\r\n\r\n"
H2C = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")
WEBSOCKET = (
    "Connection: keep-alive, Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)
UPGRADES = {
    "h2c": H2C,
    "h2c, in another order": ("upgrade: H2C", "HTTP2-Settings: AA", "CONNECTION: http2-settings,upgrade"),
    "a WebSocket": WEBSOCKET,
    "TLS": ("Connection: Upgrade", "Upgrade: TLS/1.0"),
    "several protocols": ("Connection: Upgrade", "Upgrade: h2c, IRC/6.9"),
}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One connection; its bytes are sent as they are."""

    def __init__(self, connection: socket.socket, stream: BinaryIO) -> None:
        self.send, self._stream = connection.sendall, stream

    def answer(self, method: str = "POST") -> Answer:
        """The next answer on this connection; one to HEAD has no body."""
        version, status, _ = self._stream.readline().decode().split(" ", 2)
        assert version == "HTTP/1.1"
        headers = http.client.parse_headers(self._stream)
        length = 0 if method == "HEAD" or status == "100" else int(headers["Content-Length"])
        return Answer(int(status), headers, self._stream.read(length))

    def rest(self) -> bytes:
        """What comes before the server closes the connection."""
        return self._stream.read()


@contextmanager
def wire(server: Serving) -> Iterator[Wire]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        yield Wire(connection, connection.makefile("rb"))


def head(*headers: str, line: str = "POST /score HTTP/1.1", media_type: str = "application/json") -> bytes:
    lines = [line, "Host: x", *([f"Content-Type: {media_type}"] if "POST" in line else []), *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def scored(answer: Answer) -> bool:
    return answer.status == 200 and [item["status"] for item in answer.json["data"]] == ["ok"]


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with serving() as server:
        yield server


@pytest.mark.parametrize("offer", UPGRADES.values(), ids=UPGRADES)
@pytest.mark.parametrize("writes", ["one", "two", "bytes"])
def test_an_offer_to_upgrade_is_declined_and_the_body_is_read(
    server: Serving, offer: Sequence[str], writes: str
) -> None:
    sent = head(LENGTH, *offer) + BODY
    cut = sent.index(b"\r\n\r\n") + 4
    parts = {"one": [sent], "two": [sent[:cut], sent[cut:]], "bytes": [bytes([byte]) for byte in sent]}
    with wire(server) as connection:
        for part in parts[writes]:
            connection.send(part)
        answer = connection.answer()
        assert scored(answer), answer
        assert "Upgrade" not in answer.headers


def test_the_connection_goes_on_behind_a_declined_offer(server: Serving) -> None:
    with wire(server) as connection:
        request = head(LENGTH, *H2C) + BODY
        connection.send(
            request + request + head(line="GET /livez HTTP/1.1") + head(line="GET /info HTTP/1.1")
        )
        assert scored(connection.answer())
        assert scored(connection.answer())
        assert connection.answer().json == {"status": "alive"}
        assert connection.answer().json["model"] == "fake"


def test_a_body_behind_an_offer_is_never_taken_for_a_request(server: Serving) -> None:
    hidden = head(line="GET /info HTTP/1.1")
    with wire(server) as connection:
        connection.send(head(f"Content-Length: {len(hidden)}", "Connection: close, Upgrade", "Upgrade: h2c"))
        connection.send(hidden)
        assert connection.answer().status == 400  # it is not JSON
        assert connection.rest() == b""


@pytest.mark.parametrize("offer", UPGRADES.values(), ids=UPGRADES)
def test_an_offer_without_a_body_is_declined(server: Serving, offer: Sequence[str]) -> None:
    with wire(server) as connection:
        connection.send(head(*offer, line="GET /livez HTTP/1.1") * 2)
        assert [connection.answer().json for _ in range(2)] == [{"status": "alive"}] * 2


def test_an_offer_with_a_chunked_body_and_trailers_is_declined(server: Serving) -> None:
    trailed = CHUNKED.removesuffix(b"\r\n") + b"X-Checksum: 1\r\n\r\n"
    with wire(server) as connection:
        connection.send(head("Transfer-Encoding: chunked", "Trailer: X-Checksum", *H2C) + trailed)
        assert scored(connection.answer())


def test_an_offer_that_expects_100_continue_gets_it(server: Serving) -> None:
    with wire(server) as connection:
        connection.send(head(LENGTH, "Expect: 100-continue", *H2C))
        assert connection.answer().status == 100
        connection.send(BODY)
        assert scored(connection.answer())


def test_a_client_of_http_1_0_is_told_nothing_before_its_answer(server: Serving) -> None:
    with wire(server) as connection:
        connection.send(head(LENGTH, "Expect: 100-continue", line="POST /score HTTP/1.0") + BODY)
        assert scored(connection.answer())
        assert connection.rest() == b""


@pytest.mark.parametrize(
    "path", ["/livez", "/readyz", "/metrics", "/info", "/rubrics", "/rubrics/cartpole-angle"]
)
def test_head_is_answered_as_get_is_without_the_body(server: Serving, path: str) -> None:
    with wire(server) as connection:
        for method in ("HEAD", "GET"):
            connection.send(head(line=f"{method} {path} HTTP/1.1"))
        asked, got = connection.answer("HEAD"), connection.answer("GET")
    assert (asked.status, got.status) == (200, 200)
    assert asked.headers["Content-Type"] == got.headers["Content-Type"]
    if path != "/metrics":  # numbers have grown since
        assert asked.headers["Content-Length"] == got.headers["Content-Length"]


def test_head_of_what_get_refuses_has_the_same_status() -> None:
    with serving("key-of-16-letters") as server, wire(server) as connection:
        for path, status in (("/livez", 200), ("/info", 401), ("/rubrics/nope", 401)):
            connection.send(head(line=f"HEAD {path} HTTP/1.1"))
            assert connection.answer("HEAD").status == status


@pytest.mark.parametrize(("path", "allowed"), [("/score", {"POST"}), ("/livez", {"GET", "HEAD"})])
def test_a_method_that_a_path_lacks_is_told_which_it_has(
    server: Serving, path: str, allowed: set[str]
) -> None:
    with wire(server) as connection:
        for method in ("OPTIONS", "TRACE", "DELETE"):
            connection.send(head(line=f"{method} {path} HTTP/1.1"))
            answer = connection.answer()
            assert answer.status == 405
            assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(BODY)),
        ("GZIP", gzip.compress(BODY)),
        ("br", BODY),  # whatever it holds: it is not what it says
        ("identity, deflate", BODY),
        ("aes128gcm", b"a"),
    ],
)
def test_an_encoded_body_is_refused_with_what_is_taken(server: Serving, coding: str, body: bytes) -> None:
    with wire(server) as connection:
        connection.send(head(f"Content-Length: {len(body)}", f"Content-Encoding: {coding}") + body)
        answer = connection.answer()
        assert answer.status == 415
        assert answer.headers["Accept-Encoding"] == "identity"
        assert answer.json["error"]["param"] == "Content-Encoding"
        connection.send(head(LENGTH, "Content-Encoding: identity") + BODY)  # the body before was read
        assert scored(connection.answer())


def test_the_coding_of_no_body_is_nothing_to_refuse(server: Serving) -> None:
    with wire(server) as connection:
        connection.send(head("Content-Encoding: gzip", line="GET /livez HTTP/1.1"))
        assert connection.answer().status == 200


def test_an_encoded_body_over_the_limit_is_413_all_the_same() -> None:
    with serving(max_body_bytes=1000) as server, wire(server) as connection:
        connection.send(head("Content-Length: 5000", "Content-Encoding: gzip") + b"a" * 5000)
        assert connection.answer().status == 413


def test_a_body_in_a_transfer_coding_of_its_own_is_501(server: Serving) -> None:
    with wire(server) as connection:
        connection.send(head("Transfer-Encoding: gzip, chunked", "Connection: close") + CHUNKED)
        answer = connection.answer()
        assert answer.status == 501
        assert answer.json["error"]["param"] == "Transfer-Encoding"


@pytest.mark.parametrize(
    "offer",
    [
        "Accept-Encoding: gzip;q=1.0, identity;q=0.5, *;q=0",
        "Accept: text/html;q=0.9",
        "Accept-Charset: utf-8",
        "TE: trailers, gzip;q=0.5",  # codespell:ignore te
        "Prefer: respond-async",
        "Upgrade-Insecure-Requests: 1",
        "Range: bytes=0-3",
        "Upgrade: h2c",  # without Connection it is meant for a proxy
    ],
)
def test_what_need_not_be_taken_changes_nothing(server: Serving, offer: str) -> None:
    with wire(server) as connection:
        connection.send(head(LENGTH, offer) + BODY)
        assert scored(connection.answer())


@pytest.mark.parametrize(
    "media_type", ['APPLICATION/json ;CHARSET="UTF-8"', "application/json; charset=utf-8; a=b"]
)
def test_a_media_type_may_have_parameters_and_any_case(server: Serving, media_type: str) -> None:
    with wire(server) as connection:
        connection.send(head(LENGTH, media_type=media_type) + BODY)
        assert scored(connection.answer())


@pytest.mark.parametrize(
    "sent",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
        head(line="CONNECT example.com:443 HTTP/1.1"),
        head("Connection: Upgrade", "Upgrade: h2c", line="CONNECT example.com:443 HTTP/1.1"),
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 100,  # TLS
    ],
    ids=["HTTP/2", "CONNECT", "CONNECT with an offer", "no HTTP", "TLS"],
)
def test_another_protocol_is_400_in_the_wires_own_form(server: Serving, sent: bytes) -> None:
    with wire(server) as connection:
        connection.send(sent)
        answer = connection.answer()
        assert answer.status == 400
        assert answer.headers["Connection"] == "close"
        assert answer.headers["Content-Type"] == "application/json"
        assert "HTTP/1.1" in answer.json["error"]["message"]
        assert connection.rest() == b""
