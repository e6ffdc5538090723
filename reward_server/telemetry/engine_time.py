"""Divides the time in which the engine works among the questions that it works on at once.

A request's own wall time in the engine says little of what it cost: requests overlap. Where N questions are
under way, each gets an Nth of the time, so that the shares of all of them add up to the time in which the
engine had any. Not for what a request waited for (``schema.Timings``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Share:
    """A part of the time, in seconds; that of a question counts once it is answered, or has failed."""

    engine_s: float = 0.0


class EngineTime:
    """One engine's time. For one event loop.

    Args:
        clock: seconds that only grow.

    >>> now = iter([0.0, 6.0, 10.0, 16.0])
    >>> time_of = EngineTime(lambda: next(now))
    >>> first, second = Share(), Share()
    >>> with time_of.under_way(first):  # from 0 s
    ...     other = time_of.under_way(second)
    ...     other.__enter__()  # at 6 s
    >>> _ = other.__exit__(None, None, None)  # at 16 s; the first ended at 10 s
    >>> first.engine_s, second.engine_s
    (8.0, 8.0)
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._under_way, self._as_of_s = 0, 0.0
        self._each_s = 0.0  # of a question that is under way from the beginning on

    @contextmanager
    def under_way(self, share: Share) -> Iterator[None]:
        """A question is under way for as long as the block runs, however it ends.

        Args:
            share: what it costs is added there.
        """
        before_s = self._each_so_far()
        self._under_way += 1
        try:
            yield
        finally:
            share.engine_s += self._each_so_far() - before_s
            self._under_way -= 1

    def _each_so_far(self) -> float:
        now = self._clock()
        if self._under_way:
            self._each_s += (now - self._as_of_s) / self._under_way
        self._as_of_s = now
        return self._each_s
