"""How cost grows: with the batch, requests under way, the size of frames, and the offered load."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

import numpy as np

from benchmarks.bench.contenders.asking import ScoreWay
from benchmarks.bench.contenders.servers import Server
from benchmarks.bench.measuring.frames import CARTPOLE, Size
from benchmarks.bench.measuring.load import Arrivals, open_loop
from benchmarks.bench.parts.field import Field
from benchmarks.bench.parts.measuring_ways import Load, Pace, Row, measure_load

BATCHES = (1, 2, 4, 8, 16, 32, 64)
UNDER_WAY = (1, 2, 4, 8, 16, 32)
SIZES = (Size(150, 100), Size(300, 200), CARTPOLE, Size(1200, 800), Size(2400, 1600))

OFFERED = (0.25, 0.5, 0.75, 0.9, 1.1, 1.5, 2.0)
"""Offered loads, as shares of what a closed loop measured."""

ARRIVING_FRAMES = 8
"""Frames in a request of the open loop."""

DEADLINE_S = 2.0
"""After so long an answer of the open loop is worth nothing."""

ARRIVING_S = 10.0
"""Length of one open loop."""


def measure_growth(field: Field, pace: Pace, say: Callable[[str], None]) -> dict[str, list[Row]]:
    """Measures every plot's points, once each, where our server and vLLM's were started.

    Returns:
        Rows by the name of the plot.
    """

    def points(title: str, loads: list[Load]) -> list[Row]:
        rows = []
        for load in loads:
            rows.append(measure_load(field, load, pace))
            say(f"{title}, {load.way}: {rows[-1]['frames_per_s']:.1f} frames/s")
        return rows

    found: dict[str, list[Row]] = {}
    if field.ours is not None:
        ways = ("score", "client")
        found["batch"] = points("batch", [Load(way, n, 8) for n in BATCHES for way in ways])
        found["under_way"] = points("under way", [Load(way, 8, n) for n in UNDER_WAY for way in ways])
        found["size"] = points("size", [Load(way, 8, 8, size) for size in SIZES for way in ways])
        found["offered"] = _offered(field, field.ours, pace, say)
    if field.vllm is not None:
        found["size"] = found.get("size", []) + points("size", [Load("chat", 1, 32, size) for size in SIZES])
        found["under_way"] = found.get("under_way", []) + points(
            "under way", [Load("chat", 1, n) for n in UNDER_WAY]
        )
    return found


def _offered(field: Field, server: Server, pace: Pace, say: Callable[[str], None]) -> list[Row]:
    """Latency and goodput from well below saturation to twice what the server can do."""
    capacity = measure_load(field, Load("score", ARRIVING_FRAMES, 16), pace)["frames_per_s"]
    rows = []
    for share in OFFERED:
        arrivals = _arrivals(field, server, share * capacity)
        rows.append({"share": share, "capacity_per_s": capacity, **vars(arrivals)})
        say(f"offered {arrivals.offered_per_s:.0f} frames/s: {arrivals.good_per_s:.0f} in time")
    return rows


def _arrivals(field: Field, server: Server, frames_per_s: float) -> Arrivals:
    way = ScoreWay(server.url, field.question, DEADLINE_S)
    per_s = frames_per_s / ARRIVING_FRAMES
    count = max(math.ceil(per_s * ARRIVING_S), 2)
    bodies = list(way.requests(count, ARRIVING_FRAMES, CARTPOLE, field.numbers))

    async def run() -> Arrivals:
        async with way:
            return await open_loop(
                way.send,
                bodies,
                per_s,
                frames_per_request=ARRIVING_FRAMES,
                deadline_s=DEADLINE_S,
                rng=np.random.default_rng(0),
            )

    with server.running():
        return asyncio.run(run())
