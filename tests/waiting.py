"""Waits for what other threads, processes and containers do; for all tests that need to."""

from __future__ import annotations

import time
from collections.abc import Callable

LONG_S = 60.0
"""Beside other load a browser takes its time to start, and a server to answer many."""


def until(
    condition: Callable[[], bool], timeout_s: float = 10.0, what: str = "it", poll_s: float = 0.02
) -> float:
    """Waits for a condition.

    Args:
        condition: asked again and again.
        timeout_s: how long.
        what: names it where it does not come true in time, which is an AssertionError.
        poll_s: time between two looks; longer where a look costs something.

    Returns:
        How long it took, in seconds.
    """
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < timeout_s, f"{what} did not come true within {timeout_s:g} s"
        time.sleep(poll_s)
    return time.monotonic() - started
