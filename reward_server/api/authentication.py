"""Refuses requests without a known API key, before their body is read.

Not for the keys themselves (``admission/keys.py``).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from reward_client.errors import AuthenticationError
from reward_server.admission.keys import KeyRing
from reward_server.api.errors import error_response

CHALLENGE = 'Basic realm="vlm-reward: any user name, and an API key as the password", charset="UTF-8"'
"""With it a browser asks its user for a key."""


class Authentication:
    """ASGI middleware that refuses requests without a known API key.

    A browser knows passwords, not bearer tokens. On pages a password is taken for a key, and the page finds
    the key as ``Authorization: Bearer`` in either case. A password also reads what a page leads to.

    Args:
        app: the application behind it; it finds the key's quota in ``scope["state"]["quota"]``.
        keys: the known keys.
        open_paths: answered without a key.
        page_paths: of pages for people; what is below them is theirs too.
        read_paths: what these pages lead to; only GET and HEAD take a password there, since another site
            can make a browser send one with whatever else it likes.
    """

    def __init__(
        self,
        app: ASGIApp,
        keys: KeyRing,
        open_paths: frozenset[str],
        page_paths: Sequence[str] = (),
        read_paths: Sequence[str] = (),
    ) -> None:
        self._app, self._keys, self._open_paths = app, keys, open_paths
        self._page_paths, self._read_paths = tuple(page_paths), tuple(read_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http" or scope["path"] in self._open_paths:
            await self._app(scope, receive, send)
            return
        is_page = _is_below(scope["path"], self._page_paths)
        if is_page or (scope["method"] in {"GET", "HEAD"} and _is_below(scope["path"], self._read_paths)):
            _password_as_key(scope)
        try:
            quota = self._keys.quota_of(Headers(scope=scope).get("Authorization"))
        except AuthenticationError as error:
            answer = error_response(error)
            if is_page:
                answer.headers["WWW-Authenticate"] = CHALLENGE
            await answer(scope, receive, send)
            return
        scope.setdefault("state", {})["quota"] = quota
        await self._app(scope, receive, send)


def _is_below(path: str, tops: Sequence[str]) -> bool:
    return any(path == top or path.startswith(f"{top}/") for top in tops)


def _password_as_key(scope: Scope) -> None:
    """Puts ``Bearer <password>`` in the place of ``Basic <user and password>``."""
    scheme, _, encoded = Headers(scope=scope).get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return
    try:
        password = base64.b64decode(encoded.strip(), validate=True).decode("latin-1").partition(":")[2]
    except ValueError:
        password = ""
    MutableHeaders(scope=scope)["Authorization"] = f"Bearer {password}"
