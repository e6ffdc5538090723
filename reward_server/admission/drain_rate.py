"""How fast a full server answers, from which follows how long waiting takes.

Not for who waits (``image_queue.py``).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

WINDOW_S = 30.0
"""The drain rate is measured over this time."""


class DrainRate:
    """Images answered per second lately, while the server was full.

    Other times do not count: a server with little to do answers less than it can.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answered: deque[tuple[float, int, float]] = deque()
        self._full_since: float | None = None

    def set_full(self, full: bool) -> None:
        """Says whether the server is full from now on."""
        if not full:
            self._full_since = None
        elif self._full_since is None:
            self._full_since = self._clock()

    def add(self, images: int) -> None:
        """Counts answered images, and the time since the last ones; nothing where the server is not full."""
        if self._full_since is None:
            return
        now = self._clock()
        self._answered.append((now, images, now - self._full_since))
        self._full_since = now

    def images_per_s(self) -> float | None:
        """The rate over the last half minute; None where nothing was answered."""
        while self._answered and self._answered[0][0] < self._clock() - WINDOW_S:
            self._answered.popleft()
        full_s = sum(seconds for _, _, seconds in self._answered)
        return sum(images for _, images, _ in self._answered) / full_s if full_s > 0 else None
