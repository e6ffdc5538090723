"""Serves the live page of a run to this machine's browsers: a page, its state as JSON, and the run's files.

It answers the loopback address alone, to requests that name it, and only reads. Not for what the page shows
(``snapshot.py``) or how (``live_page.html``).
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from agent.recording.run_folder import LINKED
from reward_audit.reporting.audit_report import FILES as AUDIT_FILES
from reward_cli.watching.run_state import RunState
from reward_cli.watching.snapshot import ALSO_LINKED, snapshot
from reward_report import html

HOST = "127.0.0.1"
LEAST_AGE_S = 0.9
"""A state that is younger is given to all tabs; the page asks once a second."""

OWN_NAMES = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")
"""What a request may call us: a page elsewhere whose name leads here must not read a run."""

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'"
)
"""Of our own page, which loads nothing from elsewhere."""

FILE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'"
"""Of the run's files: they run no script."""

SERVED = {*ALSO_LINKED, *LINKED, *(f"audit/{name}" for name in AUDIT_FILES)}
"""The run's files that our page, its report, and the page of its audit lead to."""

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".mp4": "video/mp4",
    ".gif": "image/gif",
}
"""By the end of a name. All others are text, which browsers show."""

PAGE = Path(__file__).with_name("live_page.html")


class LivePage(ThreadingHTTPServer):
    """Serves one run.

    Args:
        state: of the run.
        port: on the loopback address; 0 for any that is free.

    Raises:
        OSError: the port is taken.
    """

    daemon_threads = True

    def __init__(self, state: RunState, port: int) -> None:
        super().__init__((HOST, port), _Handler)
        self._state, self._lock = state, threading.Lock()
        self._json, self._made_s = b"", -LEAST_AGE_S
        self.folder = state.folder
        self.page = PAGE.read_text(encoding="utf-8").replace("/*look*/", html.look()).encode()

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://{HOST}:{self.server_port}/"

    def state_json(self) -> bytes:
        """The state as JSON, read anew where the last one is old."""
        with self._lock:
            if time.monotonic() - self._made_s >= LEAST_AGE_S:
                self._state.refresh()
                self._json = json.dumps(snapshot(self._state)).encode()
                self._made_s = time.monotonic()
            return self._json


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: LivePage
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Page, state, or a file of the run."""
        if not OWN_NAMES.fullmatch(self.headers.get("Host", "")):
            self._send(HTTPStatus.FORBIDDEN, b"this page is for this machine alone", "text/plain", POLICY)
            return
        path = unquote(urlsplit(self.path).path)
        answers: dict[str, tuple[str, Callable[[], bytes]]] = {
            "/": ("text/html; charset=utf-8", lambda: self.server.page),
            "/state": ("application/json", self.server.state_json),
        }
        if path in answers:
            kind, content = answers[path]
            self._send(HTTPStatus.OK, content(), kind, POLICY)
        elif path.removeprefix("/") in SERVED:
            self._send_file(self.server.folder / path.removeprefix("/"))
        else:
            self._send(HTTPStatus.NOT_FOUND, b"there is no such page", "text/plain", POLICY)

    def _send_file(self, path: Path) -> None:
        try:
            content = path.read_bytes()
        except OSError:
            self._send(HTTPStatus.NOT_FOUND, b"the run has no such file", "text/plain", POLICY)
            return
        self._send(HTTPStatus.OK, content, KINDS.get(path.suffix, "text/plain; charset=utf-8"), FILE_POLICY)

    def _send(self, status: HTTPStatus, content: bytes, kind: str, policy: str) -> None:
        with suppress(ConnectionError):  # the browser left
            self.send_response(status)
            for name, value in (
                ("Content-Type", kind),
                ("Content-Length", str(len(content))),
                ("Cache-Control", "no-store"),
                ("Content-Security-Policy", policy),
                ("X-Content-Type-Options", "nosniff"),
                ("Referrer-Policy", "no-referrer"),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Says nothing: a line a second would hide the address."""
