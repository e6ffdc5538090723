"""Refuses bodies in a coding that the server does not decode, whatever they hold.

A decoder would have to count decompressed bytes against every limit, and frames are compressed already. Not
for a body's length or media type (``body_limit.py``, ``app.py``).
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from reward_client.errors import MediaTypeError, StatusError
from reward_server.api.body_limit import after_body
from reward_server.api.errors import error_response


class TransferCodingError(StatusError):
    """The message came in a transfer coding that the server does not know."""

    status_code = 501
    type = "transfer_coding_error"


class Codings:
    """ASGI middleware that refuses compressed bodies. A body is read all the same, and dropped.

    Args:
        app: the application behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        error = _refusal(Headers(scope=scope)) if scope["type"] == "http" else None
        if error is None:
            await self._app(scope, receive, send)
            return
        answer = error_response(await after_body(receive, error))
        if isinstance(error, MediaTypeError):  # RFC 9110, 15.5.16: what would have been taken
            answer.headers["Accept-Encoding"] = "identity"
        await answer(scope, receive, send)


def _refusal(headers: Headers) -> StatusError | None:
    if codings := _codings(headers, "Transfer-Encoding") - {"chunked"}:
        named = ", ".join(sorted(codings))
        return TransferCodingError(f"the transfer coding {named!r} is not known", param="Transfer-Encoding")
    has_body = "Transfer-Encoding" in headers or headers.get("Content-Length", "0") != "0"
    if has_body and (codings := _codings(headers, "Content-Encoding") - {"identity"}):
        named = ", ".join(sorted(codings))
        return MediaTypeError(
            f"send the body as it is, not in the coding {named!r}", param="Content-Encoding"
        )
    return None


def _codings(headers: Headers, name: str) -> set[str]:
    """The codings that a header names, in small letters."""
    listed = (coding.strip().lower() for line in headers.getlist(name) for coding in line.split(","))
    return {coding for coding in listed if coding}
