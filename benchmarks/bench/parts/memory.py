"""Memory of our server's processes and of a client over very many fresh frames: is it flat?"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench.contenders.servers import ContenderError, Server, reward_server
from benchmarks.bench.measuring.frames import Numbers, Size, frame, png
from benchmarks.bench.measuring.processes import memory_mb
from benchmarks.bench.reporting.tables import table
from reward_client import AsyncRewardClient

FRAMES_PER_REQUEST = 32
UNDER_WAY = 8
LOOKS = 50
SETTLED_SHARE = 0.2
"""Of the frames, at the beginning; memory still grows to its working size then."""

Row = dict[str, Any]


def measure_memory(
    checkpoint: Path, dtype: str, rubric: str, frames: int, say: Callable[[str], None]
) -> list[Row]:
    """Sends frames, every other request as PNG files and as arrays, and looks at memory on the way.

    Args:
        checkpoint: folder of the model.
        dtype: of weights and arithmetic.
        rubric: name of the rubric that is asked.
        frames: how many; every one is another one.
        say: is told of each look.

    Returns:
        A row for each look: ``frames`` answered so far, and ``memory_mb`` by process.

    Raises:
        ContenderError: a frame was not answered.
    """
    with (
        tempfile.TemporaryDirectory(prefix="bench-memory-") as folder,
        reward_server(checkpoint, dtype, Path(folder) / "server.log") as server,
        server.running(),
    ):
        return asyncio.run(_send(server, rubric, frames, say))


def slopes_mb(rows: Sequence[Row]) -> dict[str, float]:
    """Growth of each process in MB for 100,000 frames: the slope of the best line through the later looks."""
    from_frames = SETTLED_SHARE * rows[-1]["frames"]
    later = [row for row in rows if row["frames"] >= from_frames]
    answered = np.array([row["frames"] for row in later], dtype=np.float64)
    return {
        role: float(np.polyfit(answered, [row["memory_mb"].get(role, 0.0) for row in later], 1)[0] * 100_000)
        for role in rows[-1]["memory_mb"]
    }


def memory_text(rows: Sequence[Row]) -> str:
    """The table: memory at the beginning, in the middle, at the end, and its slope."""
    slopes, shown = slopes_mb(rows), [rows[0], rows[len(rows) // 2], rows[-1]]
    lines = [
        [role, *(f"{row['memory_mb'].get(role, 0.0):.0f}" for row in shown), f"{slope:+.1f}"]
        for role, slope in slopes.items()
    ]
    head = ["MB", *(f"after {row['frames']:,} frames" for row in shown), "growth for 100,000 frames"]
    return table(head, lines)


async def _send(server: Server, rubric: str, frames: int, say: Callable[[str], None]) -> list[Row]:
    numbers, rows, answered = Numbers(), list[Row](), 0
    every = max(frames // LOOKS, 1)

    def look() -> None:
        found = {**memory_mb(server.pid), "client": memory_mb(os.getpid())["main"]}
        rows.append({"frames": answered, "memory_mb": found})
        say(f"{answered}: " + ", ".join(f"{role} {mb:.0f} MB" for role, mb in found.items()))

    async with AsyncRewardClient(server.url, retries=0) as client:
        info = await client.info()
        size = Size(info.input_size_px, info.input_size_px)  # small PNG files: this is not about speed

        async def ask_on(place: int) -> None:
            nonlocal answered
            while answered < frames:
                drawn = numbers.take(FRAMES_PER_REQUEST)
                as_file = place % 2 == 0
                answer = await client.score(
                    [png(n, size) if as_file else frame(n, size) for n in drawn], rubric
                )
                if answer.usage.cached_images or any(item.reward is None for item in answer.data):
                    raise ContenderError("a frame was not answered, or from a cache")
                before, answered = answered, answered + len(drawn)
                if before // every != answered // every:
                    look()

        async with asyncio.TaskGroup() as tasks:
            for place in range(UNDER_WAY):
                tasks.create_task(ask_on(place))
    if len(rows) < 2:
        look()
    return rows
