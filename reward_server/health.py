"""Whether the engine truly works: requests that take too long, and a canary frame when nothing is asked.

Not for the process (``__main__.py`` watches for a dead engine) or for HTTP (``app.py``).
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)


class Health:
    """Tells whether frames can be scored now. vLLM's own check reads a flag and misses a hang.

    Args:
        canary: scores one frame, anew each time.
        idle_s: after this time without an answer the canary is asked.
        stuck_s: an admitted request, or a canary, older than this means that the engine hangs.
        clock: seconds.
    """

    def __init__(
        self,
        canary: Callable[[], Awaitable[None]],
        idle_s: float,
        stuck_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._canary, self._idle_s, self._stuck_s, self._clock = canary, idle_s, stuck_s, clock
        self._numbers = itertools.count()
        self._started: dict[int, float] = {}
        self._answered_at = clock()
        self._canary_failure: str | None = None

    @contextmanager
    def working(self) -> Iterator[None]:
        """Holds while one admitted request is with the engine."""
        number = next(self._numbers)
        self._started[number] = self._clock()
        try:
            yield
            self._answered_at = self._clock()
            self._canary_failure = None
        finally:
            del self._started[number]

    def trouble(self) -> str | None:
        """Why frames cannot be scored now; None if they can."""
        oldest_s = self._clock() - min(self._started.values(), default=self._clock())
        if oldest_s > self._stuck_s:
            return f"a request has been with the engine for {oldest_s:.0f} s"
        return self._canary_failure

    def start(self) -> None:
        """Counts the idle time from now."""
        self._answered_at = self._clock()

    async def watch(self) -> None:
        """Asks the canary whenever nothing was answered for a while; runs until it is cancelled."""
        while True:
            await asyncio.sleep(self._idle_s / 4)
            if not self._started and self._clock() - self._answered_at >= self._idle_s:
                await self._ask_canary()

    async def _ask_canary(self) -> None:
        try:
            async with asyncio.timeout(self._stuck_s):
                with self.working():
                    await self._canary()
        except TimeoutError:
            self._canary_failure = f"the canary frame was not answered within {self._stuck_s:g} s"
        except Exception as error:  # noqa: BLE001 - whatever it was, the engine does not work
            self._canary_failure = f"the canary frame failed: {type(error).__name__}"
        else:
            return
        log.warning("not ready: %s", self._canary_failure)
