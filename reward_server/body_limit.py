"""Refuses bodies over a limit, whatever their Content-Length says.

Not for limits on images (``decode.py``).
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reward_client.errors import RequestTooLargeError


class BodyLimit:
    """ASGI middleware that counts a body's bytes while they arrive.

    Args:
        app: the application behind it.
        max_bytes: largest accepted body.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app, self._max_bytes = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises RequestTooLargeError, where the body is read, once it is over the limit."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise RequestTooLargeError(
                    f"the body is over {self._max_bytes} bytes", param="body", code="body_too_large"
                )
            return message

        await self._app(scope, counted, send)
