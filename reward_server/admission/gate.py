"""What every scoring request passes before it is worked on: quota, queue, deadline, and a client that stays.

Not for scoring (``scoring/``) or for HTTP (``api/``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from reward_client.errors import DeadlineExceededError, StatusError, UnavailableError
from reward_server.admission.image_queue import ImageQueue, QueueFullError
from reward_server.admission.quotas import Quota

T = TypeVar("T")


class ClientGoneError(Exception):
    """The client disconnected; its work was cancelled and nobody reads an answer."""


class Gate:
    """Lets requests through to their work.

    Args:
        queue: the queue in front of the engine.
    """

    def __init__(self, queue: ImageQueue) -> None:
        self._queue = queue
        self._draining = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ended_by: StatusError | None = None

    @property
    def draining(self) -> bool:
        """Whether no new work is taken."""
        return self._draining

    def drain(self) -> None:
        """Takes no new work from now on; what was accepted goes on."""
        self._draining = True

    def end(self, error: StatusError) -> None:
        """Ends all work with an error, and whatever comes after it."""
        self._draining, self._ended_by = True, error
        for task in self._tasks:
            task.cancel()

    async def run(
        self,
        work: Callable[[], Awaitable[T]],
        *,
        images: int,
        timeout_s: float,
        quota: Quota,
        gone: Callable[[], Awaitable[None]],
    ) -> tuple[T, float]:
        """Runs the work of one request.

        Args:
            work: cancelled past the deadline and where the client left.
            images: of the request.
            timeout_s: deadline, waiting included.
            quota: of the client.
            gone: returns when the client has disconnected.

        Returns:
            What the work returned, and the seconds that the request waited before.

        Raises:
            RateLimitedError: the client's quota is used up.
            UnavailableError: the server drains, its queue is full, or an answer would come too late.
            DeadlineExceededError: the deadline passed.
            ClientGoneError: the client disconnected.
        """
        if self._draining:
            raise self._ended_by or UnavailableError(
                "the server is stopping", code="draining", retry_after_s=1
            )
        quota.spend(images)
        task = asyncio.create_task(self._within(work, images, timeout_s, quota))
        self._tasks.add(task)
        watch = asyncio.ensure_future(gone())
        try:
            await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ClientGoneError
            if task.cancelled() and self._ended_by:
                raise self._ended_by
            return task.result()
        finally:
            self._tasks.discard(task)
            task.cancel()
            watch.cancel()
            await asyncio.gather(task, watch, return_exceptions=True)  # the result was taken above

    async def _within(
        self, work: Callable[[], Awaitable[T]], images: int, timeout_s: float, quota: Quota
    ) -> tuple[T, float]:
        try:
            async with asyncio.timeout(timeout_s), self._queue.admit(images, timeout_s) as queue_s:
                return await work(), queue_s
        except QueueFullError:
            quota.refund(images)
            raise
        except TimeoutError as error:
            raise DeadlineExceededError(
                f"not answered within {timeout_s:g} s", param="timeout_s", code="deadline"
            ) from error
