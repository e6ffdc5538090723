"""Refuses work while the queue is full, before its body is parsed.

Not for the queue itself (``admission/image_queue.py``).
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from reward_client.errors import StatusError
from reward_server.admission.image_queue import ImageQueue
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
        if scope["type"] != "http" or scope["path"] not in self._paths or not self._queue.is_full:
            await self._app(scope, receive, send)
            return
        try:
            while (await receive()).get("more_body", False):
                pass
            error: StatusError = self._queue.refusal(1)
        except StatusError as over_a_limit:  # of ``BodyLimit``
            error = over_a_limit
        await error_response(error)(scope, receive, send)
