"""How many images a client may have scored: a token bucket.

Not for who may ask (``keys.py``) or for the load of all clients together (``image_queue.py``).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from reward_client.errors import RateLimitedError


class Quota:
    """So many images a second on average, with bursts.

    Args:
        images_per_s: the rate at which it fills; None for no limit.
        burst: images that it holds.
        clock: seconds.
    """

    def __init__(
        self, images_per_s: float | None, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._clock = images_per_s, float(burst), clock
        self._tokens, self._filled_at = float(burst), clock()

    def spend(self, images: int) -> None:
        """Takes images from the quota.

        Raises:
            RateLimitedError: it is used up; it says when to come again.
        """
        if self._rate is None:
            return
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        missing = min(images, self._burst) - self._tokens
        if missing > 1e-9:
            raise RateLimitedError(
                f"over this key's quota by {images} images", code="quota", retry_after_s=missing / self._rate
            )
        self._tokens -= images

    def refund(self, images: int) -> None:
        """Gives images back: the server was too busy for them."""
        self._tokens = min(self._burst, self._tokens + images)
