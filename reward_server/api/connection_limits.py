"""uvicorn's HTTP protocol with limits on what a client may do to a connection.

uvicorn has none on the time and size of a request's head, or on a client that never reads its answers:
such clients would hold their connections for ever. Bodies have their own limits (``body_limit.py``).
"""

from __future__ import annotations

import asyncio
from typing import Any

from reward_server.api.declined_offers import DecliningProtocol

HEAD_TIMEOUT_S = 20.0
MAX_HEAD_BYTES = 65_536
READ_TIMEOUT_S = 20.0
"""How long a client may not read while an answer waits for it."""


class ImpatientProtocol(DecliningProtocol):
    """Drops connections whose client is too slow or sends too long a head.

    Once there are too many connections, one that is idle or has not sent its request yet makes room, so
    that silent clients cannot lock health checks out.
    """

    max_connections = 1024
    _head_timer: asyncio.TimerHandle | None = None
    _read_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """Makes room, and starts to wait for the first request."""
        super().connection_made(transport)
        if len(self.connections) > self.max_connections:
            idle = (
                other
                for other in self.connections
                if isinstance(other, ImpatientProtocol) and other is not self and other.is_idle
            )
            next(idle, self).transport.abort()
        self._expect_head()

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or bool(self.cycle.response_complete)

    def data_received(self, data: bytes) -> None:
        """Starts to wait for a further request's head once it begins, and measures it."""
        if self._head_timer is None and self.is_idle:
            self._expect_head()
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_timer is not None and self._head_bytes > MAX_HEAD_BYTES:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._stop_waiting()
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """The client does not read as fast as we write."""
        super().pause_writing()
        self._read_timer = self.loop.call_later(READ_TIMEOUT_S, self.transport.abort)

    def resume_writing(self) -> None:
        """The client read on."""
        super().resume_writing()
        self._stop_read_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more can come."""
        self._stop_waiting()
        self._stop_read_timer()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._give_up)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_read_timer(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        self.transport.abort()
