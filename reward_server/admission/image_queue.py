"""Who is served now, who waits and who is sent away: limits in images, before anything is decoded.

Not for keys and quotas (``keys.py``, ``quotas.py``) or for limits of one request (``settings.py``).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from reward_client.errors import UnavailableError
from reward_server.telemetry.tracing import tracer

WINDOW_S = 30.0
"""The drain rate is measured over this time."""

MAX_RETRY_AFTER_S = 60.0


class QueueFullError(UnavailableError):
    """Too many images wait already."""


class DrainRate:
    """Images answered per second of work, lately; times without work do not count.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answered: deque[tuple[float, int, float]] = deque()
        self._working_since: float | None = None

    def works(self, working: bool) -> None:
        """Says whether there is work from now on."""
        if not working:
            self._working_since = None
        elif self._working_since is None:
            self._working_since = self._clock()

    def add(self, images: int) -> None:
        """Counts answered images, and the time of work since the last ones."""
        now = self._clock()
        busy_s = now - self._working_since if self._working_since is not None else 0.0
        self._working_since = now
        self._answered.append((now, images, busy_s))
        self._forget()

    def images_per_s(self) -> float | None:
        """The rate over the last half minute; None where nothing was answered."""
        self._forget()
        busy_s = sum(busy for _, _, busy in self._answered)
        return sum(images for _, images, _ in self._answered) / busy_s if busy_s > 0 else None

    def _forget(self) -> None:
        while self._answered and self._answered[0][0] < self._clock() - WINDOW_S:
            self._answered.popleft()


class ImageQueue:
    """A first-come, first-served queue in front of the engine, counted in images.

    Args:
        max_running: images that are decoded or in the engine at once. A larger request runs alone.
        max_queued: images that wait.
        clock: seconds.
    """

    def __init__(
        self, max_running: int, max_queued: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_running, self._max_queued, self._clock = max_running, max_queued, clock
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._drain_rate = DrainRate(clock)
        self.running_images = 0

    @property
    def queued_images(self) -> int:
        """Images that wait."""
        return sum(images for images, _ in self._waiting)

    @asynccontextmanager
    async def admit(self, images: int) -> AsyncIterator[float]:
        """Waits for its turn, and holds its place while the block runs.

        Args:
            images: of the request.

        Yields:
            How long it waited, in seconds.

        Raises:
            QueueFullError: too many wait; it says when to come again.
        """
        arrived = self._clock()
        self.check_room(images)
        if self._waiting or not self._fits(images):
            with tracer.start_as_current_span("queue"):
                await self._wait(images)
        else:
            self.running_images += images
        self._drain_rate.works(True)
        try:
            yield self._clock() - arrived
            self._drain_rate.add(images)
        finally:
            self.running_images -= images
            self._admit_waiting()
            self._drain_rate.works(self.running_images > 0)

    def check_room(self, images: int = 1) -> None:
        """Returns where so many images may run or wait now.

        Raises:
            QueueFullError: too many wait; it says when to come again.
        """
        queued = self.queued_images
        must_wait = bool(self._waiting) or not self._fits(images)
        if must_wait and queued + images > self._max_queued:
            raise QueueFullError(
                f"{queued} images wait already; the limit is {self._max_queued}",
                code="overloaded",
                retry_after_s=self._retry_after_s(queued + images),
            )

    async def _wait(self, images: int) -> None:
        place = (images, asyncio.get_running_loop().create_future())
        self._waiting.append(place)
        try:
            await place[1]
        except asyncio.CancelledError:
            if place in self._waiting:
                self._waiting.remove(place)
            elif place[1].done() and not place[1].cancelled():  # admitted in the same moment
                self.running_images -= images
            self._admit_waiting()
            raise

    def _admit_waiting(self) -> None:
        while self._waiting and (self._waiting[0][1].done() or self._fits(self._waiting[0][0])):
            images, turn = self._waiting.popleft()
            if not turn.done():
                self.running_images += images
                turn.set_result(None)

    def _fits(self, images: int) -> bool:
        return self.running_images == 0 or self.running_images + images <= self._max_running

    def _retry_after_s(self, images: int) -> float:
        rate = self._drain_rate.images_per_s()
        if rate is None:
            return 1.0
        return min(max(float(math.ceil(images / rate)), 1.0), MAX_RETRY_AFTER_S)
