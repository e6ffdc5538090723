"""Who is served now, who waits and who is sent away: limits in images and time, before anything is decoded.

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
from reward_server.admission.drain_rate import DrainRate
from reward_server.telemetry.tracing import tracer

MAX_RETRY_AFTER_S = 60.0

KEPT_OF_RATE = 2
"""The drain rate is that of so many times the images that run at once."""

USED_OF_DEADLINE = 0.85
"""A request is taken where its answer is expected within this share of its time. The rest is for what the
estimate does not know: reading the body, and load that grows. On two cores, at 1.5 and 2 times what
they can do, with all of the time up to 24 % of the taken requests came too late, and so up to 5 %."""


class QueueFullError(UnavailableError):
    """Too many images wait already, in number or for the time that the request has."""


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
        self._drain_rate = DrainRate(KEPT_OF_RATE * max_running, clock)
        self.running_images = 0

    @property
    def queued_images(self) -> int:
        """Images that wait."""
        return sum(images for images, _ in self._waiting)

    @asynccontextmanager
    async def admit(self, images: int, timeout_s: float = math.inf) -> AsyncIterator[float]:
        """Waits for its turn, and holds its place while the block runs.

        Args:
            images: of the request.
            timeout_s: its deadline.

        Yields:
            How long it waited, in seconds.

        Raises:
            QueueFullError: too many wait, or so many that this request would be answered too late; it says
                when to come again.
        """
        arrived = self._clock()
        self.check_room(images)
        self._check_time(images, timeout_s)
        if self._waiting or not self._fits(images):
            with tracer.start_as_current_span("queue"):
                await self._wait(images)
        else:
            self.running_images += images
        self._drain_rate.set_full(self._is_full)
        try:
            yield self._clock() - arrived
            self._drain_rate.add(images)
        finally:
            self.running_images -= images
            self._admit_waiting()
            self._drain_rate.set_full(self._is_full)

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
                retry_after_s=self._retry_after_s(self._seconds_of(queued + images)),
            )

    def _check_time(self, images: int, timeout_s: float) -> None:
        """Returns where so many images are likely to be answered in time.

        What is answered too late costs the same work as what is in time, and past saturation leaves none for
        it. Where nothing is ahead a request is always tried: the rate was that of others.
        """
        ahead = self.running_images + self.queued_images
        needed_s = self._seconds_of(ahead + images)
        limit_s = USED_OF_DEADLINE * timeout_s
        if ahead and needed_s is not None and needed_s > limit_s:
            raise QueueFullError(
                f"{ahead} images come first, so the answer would take about {needed_s:.1f} s; the limit is "
                f"{USED_OF_DEADLINE:.0%} of timeout_s, {limit_s:.1f} s",
                param="timeout_s",
                code="overloaded",
                retry_after_s=self._retry_after_s(needed_s - limit_s),
            )

    async def _wait(self, images: int) -> None:
        place = (images, asyncio.get_running_loop().create_future())
        self._waiting.append(place)
        self._drain_rate.set_full(True)
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

    @property
    def _is_full(self) -> bool:
        return bool(self._waiting) or self.running_images >= self._max_running

    def _seconds_of(self, images: int) -> float | None:
        rate = self._drain_rate.images_per_s()
        return None if rate is None else images / rate

    @staticmethod
    def _retry_after_s(seconds: float | None) -> float:
        return 1.0 if seconds is None else min(max(float(math.ceil(seconds)), 1.0), MAX_RETRY_AFTER_S)
