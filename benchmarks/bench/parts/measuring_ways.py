"""Measures one contender under one load, once. What is repeated, and when, is up to ``side_by_side``."""

from __future__ import annotations

import asyncio
import math
import os
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.bench.contenders.servers import Server
from benchmarks.bench.measuring.frames import CARTPOLE, Numbers, Size
from benchmarks.bench.measuring.load import TooFewAnswersError, Window, closed_loop
from benchmarks.bench.measuring.processes import CoreTimes, core_times, peak_memory_mb
from benchmarks.bench.parts.field import Field, WayTo

FIRST_FRAMES = 64
"""Frames that warm a contender up after its pause, and tell how many it will need."""

HEADROOM = 1.6
"""Frames that are prepared over those that the first rate asks for."""

MORE_REQUESTS = (1, 3, 9)
"""A server that has just been resumed is slow at first, and its first rate asks for too few requests."""

SHORTEST_WINDOW = 0.6
"""Part of the time that is asked for. A window that ends earlier, since requests ran out, is thrown away."""

Row = dict[str, Any]
"""One measurement, as the results file holds it."""


@dataclass(frozen=True)
class Load:
    """What a server is given.

    Attributes:
        way: how it is asked (``Field.way``).
        frames_per_request: frames in each request.
        under_way: requests that are under way all the time.
        size: of the frames.
    """

    way: str
    frames_per_request: int
    under_way: int
    size: Size = CARTPOLE


@dataclass(frozen=True)
class Pace:
    """How long things are measured.

    Attributes:
        repeats: measurements of each load, alternated with those of the others.
        seconds: of each measurement.
        warm_up_s: before each.
    """

    repeats: int
    seconds: float
    warm_up_s: float


def measure_load(field: Field, load: Load, pace: Pace) -> Row:
    """Keeps a server under a load and measures it.

    Raises:
        ContenderError: a frame was not answered.
    """
    server, make = field.way(load.way)
    numbers = field.numbers
    with server.running():
        rate = asyncio.run(_first_rate(make, load, numbers))
        frames = rate * HEADROOM * (pace.seconds + pace.warm_up_s)
        count = math.ceil(frames / load.frames_per_request) + 3 * load.under_way
        for more in MORE_REQUESTS:
            try:
                window, core_s = asyncio.run(_measured(server, make, load, pace, numbers, more * count))
            except TooFewAnswersError:
                continue
            if window.seconds >= SHORTEST_WINDOW * pace.seconds:
                break
        else:
            raise TooFewAnswersError(f"{load.way}: the requests ran out before enough could be measured")
        peak_mb = peak_memory_mb(server.pid)
    row = {
        "way": load.way,
        "frames_per_request": load.frames_per_request,
        "under_way": load.under_way,
        "frame": str(load.size),
        "peak_memory_mb": peak_mb,
    }
    return row | rates(window.frames, window.seconds, core_s, window.latencies_s)


def rates(frames: int, seconds: float, core_s: dict[str, float], latencies_s: list[float]) -> Row:
    """What a measurement amounts to.

    Args:
        frames: answered in the time that counts.
        seconds: that time.
        core_s: core seconds in it by the role of the process.
        latencies_s: of the requests answered in it; may be none.
    """
    percentiles = {
        f"p{q}_s": float(np.percentile(latencies_s, q)) if latencies_s else None for q in (50, 95, 99)
    }
    return {
        "frames": frames,
        "seconds": seconds,
        "frames_per_s": frames / seconds,
        "core_ms_per_frame": {role: 1000 * used / frames for role, used in core_s.items()},
        **percentiles,
    }


async def _first_rate(make: WayTo, load: Load, numbers: Numbers) -> float:
    """Frames a second of the first few requests."""
    async with make() as way:
        count = max(math.ceil(FIRST_FRAMES / load.frames_per_request), 2)
        requests = way.requests(count, load.frames_per_request, load.size, numbers)
        began, answered = time.perf_counter(), 0

        async def ask_on() -> None:
            nonlocal answered
            for request in requests:
                answered += await way.send(request)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(load.under_way, count)):
                tasks.create_task(ask_on())
    return answered / (time.perf_counter() - began)


async def _measured(
    server: Server, make: WayTo, load: Load, pace: Pace, numbers: Numbers, count: int
) -> tuple[Window, dict[str, float]]:
    looks: list[tuple[CoreTimes, float]] = []

    def look() -> None:
        looks.append((core_times(server.pid), _own_core_s()))

    # bodies are made before connections are opened: while they are made, idle ones would be closed
    requests = make().requests(count, load.frames_per_request, load.size, numbers)
    async with make() as way:
        window = await closed_loop(
            way.send,
            requests,
            load.under_way,
            warm_up_s=pace.warm_up_s,
            measured_s=pace.seconds,
            looks=look,
        )
    (before, client_before), (after, client_after) = looks[0], looks[-1]
    return window, {**after.since(before), "client": client_after - client_before}


def _own_core_s() -> float:
    times = os.times()
    return times.user + times.system
