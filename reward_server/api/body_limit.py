"""Refuses bodies that are too large, arrive too slowly, or are too much together, whatever they promise.

Not for limits on images (``images/decode.py``) or for a request's head (``connection_limits.py``).
"""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reward_client.errors import BodyTimeoutError, RequestTooLargeError, StatusError, UnavailableError


class BodyLimit:
    """ASGI middleware that counts a body's bytes while they arrive.

    Args:
        app: the application behind it.
        max_bytes: largest accepted body.
        max_pending_bytes: bodies of all requests that are not answered yet, together.
        timeout_s: time for a body to arrive.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, max_pending_bytes: int, timeout_s: float) -> None:
        self._app, self._max_bytes, self._timeout_s = app, max_bytes, timeout_s
        self._max_pending_bytes, self._pending_bytes = max_pending_bytes, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises a ``StatusError``, where the body is read, once a limit is passed."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        promised = Headers(scope=scope).get("Content-Length", "")
        received, complete = 0, False
        deadline = asyncio.get_running_loop().time() + self._timeout_s

        async def counted() -> Message:
            nonlocal received, complete
            if complete:  # what comes now is the client's leaving
                return await receive()
            if promised.isdecimal() and int(promised) > self._max_bytes:
                raise self._too_large()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError as error:
                raise BodyTimeoutError(
                    f"the body did not arrive within {self._timeout_s:g} s", param="body", code="body_timeout"
                ) from error
            complete = not message.get("more_body", False)
            size = len(message.get("body", b""))
            received += size
            self._pending_bytes += size
            if received > self._max_bytes:
                raise self._too_large()
            if self._pending_bytes > self._max_pending_bytes:
                raise UnavailableError(
                    "too much is waiting to be scored", code="overloaded", retry_after_s=1.0
                )
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            self._pending_bytes -= received

    def _too_large(self) -> StatusError:
        return RequestTooLargeError(
            f"the body is over {self._max_bytes} bytes", param="body", code="body_too_large"
        )


async def after_body(receive: Receive, error: StatusError) -> StatusError:
    """Reads a body and drops it; gives the error, or that of a body over a limit of its own."""
    try:
        while (await receive()).get("more_body", False):
            pass
    except StatusError as over_a_limit:
        return over_a_limit
    return error
