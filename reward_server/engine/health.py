"""Whether the engine truly works: how long it has owed an answer, and a canary frame when it gave none.

Not for what follows from it (``service.py``) or for HTTP (``api/``).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from PIL import Image

from reward_server.engine.interface import Answer, Engine, EngineDeadError, EngineInfo, Question

log = logging.getLogger(__name__)

POLL_S = 1.0


class Health:
    """Tells whether frames can be scored now. vLLM's own check reads a flag and misses a hang.

    Only answers of the engine itself count: not cached ones, not refused frames, and not requests that
    were given up at their deadline.

    Args:
        idle_s: after this time without an answer the canary is asked.
        stuck_s: the engine hangs where it has owed an answer for longer.
        clock: seconds.
    """

    def __init__(self, idle_s: float, stuck_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._idle_s, self._stuck_s, self._clock = idle_s, stuck_s, clock
        self._answered_at = clock()
        self._owed_since: float | None = None
        self._asking = 0
        self._canary_failure: str | None = None

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Holds while the engine is asked; leaving it without an error means that it answered."""
        if self._owed_since is None:
            self._owed_since = self._clock()
        self._asking += 1
        try:
            yield
            self._answered_at = self._clock()
            self._owed_since = self._answered_at if self._asking > 1 else None
            self._canary_failure = None
        finally:
            self._asking -= 1

    def trouble(self) -> str | None:
        """Why frames cannot be scored now; None if they can."""
        if self._owed_since is not None and (owed_s := self._clock() - self._owed_since) > self._stuck_s:
            return f"the engine has not answered for {owed_s:.0f} s"
        return self._canary_failure

    async def watch(self, canary: Callable[[], Awaitable[None]], errored: Callable[[], bool]) -> None:
        """Asks the canary whenever nothing was answered for a while; runs until it is cancelled.

        Args:
            canary: has the engine score one frame.
            errored: whether the engine says that it is dead; looked at once a second.

        Raises:
            EngineDeadError: the engine died.
        """
        self._answered_at = self._clock()
        while True:
            await asyncio.sleep(min(self._idle_s / 4, POLL_S))
            if errored():
                raise EngineDeadError
            if self._clock() - self._answered_at >= self._idle_s:
                await self._ask(canary)

    async def _ask(self, canary: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(self._stuck_s):
                await canary()
        except TimeoutError:
            self._canary_failure = f"the canary frame was not answered within {self._stuck_s:g} s"
        except EngineDeadError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the engine does not work
            self._canary_failure = f"the canary frame failed: {type(error).__name__}"
        else:
            return
        log.warning("not ready: %s", self._canary_failure)


class WatchedEngine:
    """An engine whose answers its health is told of.

    Args:
        engine: the engine.
        health: told when it is asked and when it answers.
    """

    def __init__(self, engine: Engine, health: Health) -> None:
        self._engine, self._health = engine, health

    @property
    def info(self) -> EngineInfo:
        """What is served."""
        return self._engine.info

    @property
    def errored(self) -> bool:
        """Whether the engine is dead."""
        return self._engine.errored

    def question(self, prompt: str, labels: Sequence[str], images: int = 1, max_tokens: int = 1) -> Question:
        """Prepares a question."""
        return self._engine.question(prompt, labels, images, max_tokens)

    async def ask(self, images: Sequence[Image.Image], question: Question) -> Answer:
        """Has the question answered."""
        with self._health.asking():
            return await self._engine.ask(images, question)
