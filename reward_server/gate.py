"""What every scoring request passes before it is worked on: quota, queue, deadline, and a client that stays.

Not for scoring (``scorer.py``) or for HTTP (``app.py``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from reward_client.errors import DeadlineExceededError, UnavailableError
from reward_server.access import Access, ApiKey
from reward_server.admission import Admission
from reward_server.health import Health

T = TypeVar("T")


class ClientGoneError(Exception):
    """The client disconnected; its work was cancelled and nobody reads an answer."""


class Gate:
    """Lets requests through to their work.

    Args:
        access: keys and quotas.
        admission: the queue in front of the engine.
        health: told of each request that is worked on.
    """

    def __init__(self, access: Access, admission: Admission, health: Health) -> None:
        self._access, self._admission, self._health = access, admission, health
        self._draining = False

    @property
    def draining(self) -> bool:
        """Whether no new work is taken."""
        return self._draining

    def drain(self) -> None:
        """Takes no new work from now on; what was accepted goes on."""
        self._draining = True

    async def run(
        self,
        work: Callable[[float], Awaitable[T]],
        *,
        images: int,
        timeout_s: float,
        key: ApiKey | None,
        gone: Callable[[], Awaitable[None]],
    ) -> T:
        """Runs the work of one request.

        Args:
            work: takes the seconds that the request waited; cancelled past the deadline and where the
                client left.
            images: of the request.
            timeout_s: deadline, waiting included.
            key: of the client.
            gone: returns when the client has disconnected.

        Raises:
            RateLimitedError: the client's quota is used up.
            UnavailableError: the server drains, or its queue is full.
            DeadlineExceededError: the deadline passed.
            ClientGoneError: the client disconnected.
        """
        if self._draining:
            raise UnavailableError("the server is stopping", code="draining", retry_after_s=1)
        self._access.spend(key, images)
        task = asyncio.ensure_future(self._within(work, images, timeout_s))
        watch = asyncio.ensure_future(gone())
        try:
            await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ClientGoneError
            return task.result()
        finally:
            task.cancel()
            watch.cancel()
            await asyncio.gather(task, watch, return_exceptions=True)  # the result was taken above

    async def _within(self, work: Callable[[float], Awaitable[T]], images: int, timeout_s: float) -> T:
        try:
            async with asyncio.timeout(timeout_s), self._admission.admit(images) as queue_s:
                with self._health.working():
                    return await work(queue_s)
        except TimeoutError as error:
            raise DeadlineExceededError(
                f"not answered within {timeout_s:g} s", param="timeout_s", code="deadline"
            ) from error
