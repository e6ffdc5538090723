"""Refuses work while the queue is full, before its body is parsed.

Not for the queue itself (``admission/image_queue.py``).
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from reward_client.errors import StatusError
from reward_server.admission.image_queue import ImageQueue
from reward_server.api.body_limit import after_body
from reward_server.api.errors import error_response


class Overload:
    """ASGI middleware that refuses work while the queue is full, before its body is parsed.

    A body is read all the same, and dropped: a client that is still sending would miss the answer.

    Args:
        app: the application behind it.
        queue: of images.
        paths: of routes whose requests queue.
    """

    def __init__(self, app: ASGIApp, queue: ImageQueue, paths: frozenset[str]) -> None:
        self._app, self._queue, self._paths = app, queue, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] == "http" and scope["path"] in self._paths:
            try:
                self._queue.check_room()
            except StatusError as full:
                await error_response(await after_body(receive, full))(scope, receive, send)
                return
        await self._app(scope, receive, send)
