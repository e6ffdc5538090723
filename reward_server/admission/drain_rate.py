"""How fast a full server answers, from which follows how long waiting takes.

Not for who waits (``image_queue.py``).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

WINDOW_S = 30.0
"""What was answered longer ago is forgotten."""


class DrainRate:
    """Images answered per second lately, while the server was full.

    Other times do not count: a server with little to do answers less than it can.

    Args:
        kept_images: the rate is that of the newest so many images: load that grows slows them down.
        clock: seconds.
    """

    def __init__(self, kept_images: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept_images, self._clock = kept_images, clock
        self._images = 0
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
        self._images += images
        self._full_since = now
        self._forget()

    def images_per_s(self) -> float | None:
        """The rate; None where nothing was answered in the last half minute."""
        self._forget()
        full_s = sum(seconds for _, _, seconds in self._answered)
        return self._images / full_s if full_s > 0 else None

    def _forget(self) -> None:
        too_old = self._clock() - WINDOW_S
        while self._answered:
            answered_at, images, _ = self._answered[0]
            if answered_at >= too_old and self._images - images < self._kept_images:
                return
            self._answered.popleft()
            self._images -= images
