"""Refuses requests without a known API key, before their body is read.

Not for the keys themselves (``admission/keys.py``).
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from reward_client.errors import AuthenticationError
from reward_server.admission.keys import KeyRing
from reward_server.api.errors import error_response


class Authentication:
    """ASGI middleware that refuses requests without a known API key.

    Args:
        app: the application behind it; it finds the key's quota in ``scope["state"]["quota"]``.
        keys: the known keys.
        open_paths: answered without a key.
    """

    def __init__(self, app: ASGIApp, keys: KeyRing, open_paths: frozenset[str]) -> None:
        self._app, self._keys, self._open_paths = app, keys, open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http" or scope["path"] in self._open_paths:
            await self._app(scope, receive, send)
            return
        try:
            quota = self._keys.quota_of(Headers(scope=scope).get("Authorization"))
        except AuthenticationError as error:
            await error_response(error)(scope, receive, send)
            return
        scope.setdefault("state", {})["quota"] = quota
        await self._app(scope, receive, send)
