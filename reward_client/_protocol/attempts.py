"""When a request is tried again, how long a try may take, and how long to wait between two.

No sockets here. Not for what is sent again (``calls.py``).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from reward_client.errors import (
    DeadlineExceededError,
    RateLimitedError,
    RequestTimeoutError,
    RewardServiceError,
    ServerUnreachableError,
    StatusError,
    UnavailableError,
)

FIRST_BACKOFF_S = 0.25
MAX_BACKOFF_S = 8.0

RETRIED = (
    ServerUnreachableError,
    RequestTimeoutError,
    RateLimitedError,
    UnavailableError,
    DeadlineExceededError,
)
"""Errors worth another try. Scoring changes nothing on the server, so trying again is safe."""


class Attempts:
    """One request's tries: how long each may take, and when the next one comes.

    Args:
        retries: further tries after the first; None: as many as the deadline allows.
        timeout_s: limit for each try.
        deadline_s: limit for all of them, waiting included.
        rng: source of the jitter.
        clock: seconds.
    """

    def __init__(
        self,
        retries: int | None,
        timeout_s: float,
        deadline_s: float,
        rng: random.Random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._retries, self._timeout_s, self._rng, self._clock = retries, timeout_s, rng, clock
        self._ends_at = clock() + deadline_s
        self._failed = 0

    @property
    def left_s(self) -> float:
        """Time left until the deadline."""
        return max(self._ends_at - self._clock(), 0.001)

    @property
    def timeout_s(self) -> float:
        """Limit for the next try."""
        return min(self._timeout_s, self.left_s)

    def delay_s(self, error: RewardServiceError | None) -> float | None:
        """How long to wait before another try: exponential with full jitter, and as the server asks.

        Args:
            error: the failure; None where an answer came, but frames of it had failed.

        Returns:
            Seconds, or None where no further try is useful or allowed, or the wait would pass the
            deadline. The formula is "full jitter" of
            "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
        """
        self._failed += 1
        if self._retries is not None and self._failed > self._retries:
            return None
        if error is not None and not isinstance(error, RETRIED):
            return None
        ceiling = min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** min(self._failed, 16))
        asked = (error.retry_after_s if isinstance(error, StatusError) else None) or 0.0
        wait_s = asked + self._rng.uniform(0.0, ceiling)
        return wait_s if self._clock() + wait_s < self._ends_at else None
