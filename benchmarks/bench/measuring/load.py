"""Load on a server: a closed loop that measures its throughput, an open one that measures its latency.

Neither knows what is sent. A request that fails in the closed loop ends it: a speed with failures is none.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

Request = TypeVar("Request")

Send = Callable[[Request], Awaitable[int]]
"""Sends a request, waits for its answer, and says how many frames it answered. Raises where one failed."""


LEAST_ANSWERS = 16


class TooFewAnswersError(Exception):
    """The requests ran out before anything could be measured."""


@dataclass
class Window:
    """The time that counts. It begins and ends with an answer, so that no request is cut in two.

    Attributes:
        frames: answered in it.
        latencies_s: of its requests.
        began_s: on the clock of ``time.perf_counter``; None before it begins.
        ended_s: likewise.
    """

    frames: int = 0
    latencies_s: list[float] = field(default_factory=list)
    began_s: float | None = None
    ended_s: float | None = None

    @property
    def seconds(self) -> float:
        """How long it was.

        Raises:
            TooFewAnswersError: it never began, or nothing was answered in it.
        """
        if self.began_s is None or self.ended_s is None or not self.frames:
            raise TooFewAnswersError("the requests ran out before anything could be measured")
        return self.ended_s - self.began_s


async def closed_loop(
    send: Send[Request],
    requests: Iterator[Request],
    under_way: int,
    *,
    warm_up_s: float,
    measured_s: float,
    looks: Callable[[], None] = lambda: None,
) -> Window:
    """Keeps so many requests under way, and measures once the server is full.

    Args:
        send: sends one request.
        requests: what to send; the window ends early where they run out.
        under_way: how many are sent at once.
        warm_up_s: time before the window. It also lasts until as many requests were answered as are under
            way.
        measured_s: length of the window. It also lasts until as many requests were answered in it as are
            under way, or 16.
        looks: called as the window begins and as it ends.

    Raises:
        TooFewAnswersError: the requests ran out before anything could be measured.
    """
    window, begins, answered = Window(), time.perf_counter(), 0
    least = min(under_way, LEAST_ANSWERS)

    def end(now: float) -> None:
        if window.began_s is not None and window.ended_s is None:
            window.ended_s = now
            looks()

    async def ask_on() -> None:
        nonlocal answered
        for request in requests:
            sent = time.perf_counter()
            frames = await send(request)
            now = time.perf_counter()
            answered += 1
            if window.ended_s is not None:
                return
            if window.began_s is not None:
                window.frames += frames
                window.latencies_s.append(now - sent)
                if now - window.began_s >= measured_s and len(window.latencies_s) >= least:
                    end(now)
                    return
            elif now - begins >= warm_up_s and answered >= under_way:
                looks()
                window.began_s = time.perf_counter()
        # the requests ran out: from here on fewer are under way
        if window.latencies_s:
            end(time.perf_counter())

    async with asyncio.TaskGroup() as tasks:
        for _ in range(under_way):
            tasks.create_task(ask_on())
    _ = window.seconds  # raises where there is none
    return window


@dataclass(frozen=True)
class Arrivals:
    """What became of requests that arrived at times of their own.

    Attributes:
        offered_per_s: frames that arrived.
        good_per_s: frames answered in time.
        p50_s: median time of the requests that were answered in time; None where none was.
        p95_s: its 95th percentile.
        lost: requests that failed or came too late.
    """

    offered_per_s: float
    good_per_s: float
    p50_s: float | None
    p95_s: float | None
    lost: int


async def open_loop(
    send: Send[Request],
    requests: Sequence[Request],
    requests_per_s: float,
    *,
    frames_per_request: int,
    deadline_s: float,
    rng: np.random.Generator,
) -> Arrivals:
    """Sends requests at random times (a Poisson process), whether or not earlier ones were answered.

    Args:
        send: sends one request.
        requests: what to send.
        requests_per_s: mean rate.
        frames_per_request: frames in each.
        deadline_s: an answer after so long is worth nothing.
        rng: of the times.
    """
    due_s = np.cumsum(rng.exponential(1 / requests_per_s, len(requests)))
    begins, latencies_s = time.perf_counter(), list[float]()

    async def ask(request: Request, due: float) -> None:
        await asyncio.sleep(max(0.0, begins + due - time.perf_counter()))
        try:
            await send(request)
        except Exception:  # noqa: BLE001 - past saturation requests are refused; any failure is a lost request
            return
        latency_s = time.perf_counter() - begins - due  # from when it was due: a late client hides nothing
        if latency_s <= deadline_s:
            latencies_s.append(latency_s)

    async with asyncio.TaskGroup() as tasks:
        for request, due in zip(requests, due_s, strict=True):
            tasks.create_task(ask(request, float(due)))
    lasted_s = float(due_s[-1])
    percentiles = [float(np.percentile(latencies_s, q)) if latencies_s else None for q in (50, 95)]
    return Arrivals(
        offered_per_s=len(requests) * frames_per_request / lasted_s,
        good_per_s=len(latencies_s) * frames_per_request / lasted_s,
        p50_s=percentiles[0],
        p95_s=percentiles[1],
        lost=len(requests) - len(latencies_s),
    )
