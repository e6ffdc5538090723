"""Turns requests away before their body is parsed: without a key, or while the queue is full.

Not for keys (``access.py``) or for the queue (``admission.py``) themselves.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from reward_client.errors import AuthenticationError, StatusError
from reward_server.access import Access
from reward_server.admission import Admission
from reward_server.responses import error_response


class Guard:
    """ASGI middleware that refuses requests without a known API key.

    Args:
        app: the application behind it; it finds the key in ``scope["state"]["api_key"]``.
        access: knows the keys.
        open_paths: answered without a key.
    """

    def __init__(self, app: ASGIApp, access: Access, open_paths: frozenset[str]) -> None:
        self._app, self._access, self._open_paths = app, access, open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http" or scope["path"] in self._open_paths:
            await self._app(scope, receive, send)
            return
        try:
            key = self._access.identify(Headers(scope=scope).get("Authorization"))
        except AuthenticationError as error:
            await error_response(error)(scope, receive, send)
            return
        scope.setdefault("state", {})["api_key"] = key
        await self._app(scope, receive, send)


class Turnstile:
    """ASGI middleware that refuses work while the queue is full, before its body is parsed.

    A body is read all the same, and dropped: a client that is still sending would miss the answer.

    Args:
        app: the application behind it.
        admission: the queue.
        paths: of routes whose requests queue.
    """

    def __init__(self, app: ASGIApp, admission: Admission, paths: frozenset[str]) -> None:
        self._app, self._admission, self._paths = app, admission, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http" or scope["path"] not in self._paths or not self._admission.is_full:
            await self._app(scope, receive, send)
            return
        try:
            while (await receive()).get("more_body", False):
                pass
            error: StatusError = self._admission.refusal(1)
        except StatusError as over_a_limit:  # of ``BodyLimit``
            error = over_a_limit
        await error_response(error)(scope, receive, send)
