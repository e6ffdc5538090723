"""How many images a key may have scored: a token bucket for each key that has a rate.

Not for who may ask (``keys.py``) or for the load of all clients together (``image_queue.py``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from reward_client.errors import RateLimitedError
from reward_server.admission.keys import ApiKey


class TokenBucket:
    """A quota: so many images a second on average, with bursts.

    Args:
        images_per_s: the rate at which it fills.
        burst: images that it holds.
        clock: seconds.
    """

    def __init__(self, images_per_s: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = images_per_s, float(burst), clock
        self._tokens, self._filled_at = float(burst), clock()

    def take(self, images: int) -> float:
        """Takes images from the quota.

        Returns:
            0 where they were taken, else the seconds after which they could be.
        """
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        missing = min(images, self._burst) - self._tokens
        if missing > 1e-9:
            return missing / self._rate
        self._tokens -= images
        return 0.0

    def give_back(self, images: int) -> None:
        """Puts images back that were taken for nothing."""
        self._tokens = min(self._burst, self._tokens + images)


class Quotas:
    """The quotas of all keys that have one.

    Args:
        keys: the known keys.
        burst: images that a quota lets through at once.
        clock: seconds.
    """

    def __init__(
        self, keys: Sequence[ApiKey], burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._buckets = {
            key.digest: TokenBucket(key.images_per_s, burst, clock)
            for key in keys
            if key.images_per_s is not None
        }

    def spend(self, key: ApiKey | None, images: int) -> None:
        """Takes images from a key's quota.

        Raises:
            RateLimitedError: the quota is used up; it says when to come again.
        """
        bucket = self._buckets.get(key.digest) if key else None
        if bucket is not None and (wait_s := bucket.take(images)) > 0:
            raise RateLimitedError(
                f"over this key's quota by {images} images", code="quota", retry_after_s=wait_s
            )

    def refund(self, key: ApiKey | None, images: int) -> None:
        """Gives images back to a key's quota: the server was too busy for them."""
        bucket = self._buckets.get(key.digest) if key else None
        if bucket is not None:
            bucket.give_back(images)
