"""Lets in only who has a key: before a body is read, and before the route is known.

Not for keys themselves (``access.py``).
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from reward_client.errors import AuthenticationError
from reward_server.access import Access
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
