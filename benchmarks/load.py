"""A closed loop of clients against one address: what they got, how fast, and from whom."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import Counter
from dataclasses import dataclass

import httpx
import numpy as np

from reward_client.frames import to_base64

FRAMES_PER_REQUEST = 8


@dataclass(frozen=True)
class Seen:
    """What the clients saw in the time that counts.

    Attributes:
        frames_per_s: answered frames.
        p50_s: median time of a request.
        p95_s: its 95th percentile.
        frames_by_replica: answered frames by the name that the replica answers with.
        failures: answers in which not every frame has a reward.
    """

    frames_per_s: float
    p50_s: float
    p95_s: float
    frames_by_replica: dict[str, int]
    failures: int


async def closed_loop(url: str, clients: int, warm_up_s: float, measured_s: float) -> Seen:
    """Each client sends a request of 8 frames, waits for its answer, and sends the next one.

    Args:
        url: the server's address.
        clients: how many ask at once.
        warm_up_s: time before what counts.
        measured_s: time that counts.
    """
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (FRAMES_PER_REQUEST, 32, 32, 3), dtype=np.uint8)
    images = [to_base64(frame) for frame in frames]
    body = json.dumps({"images": images, "rubric": "cartpole-upright"})
    headers = {"Content-Type": "application/json"}
    starts = time.monotonic() + warm_up_s
    ends = starts + measured_s
    times: list[float] = []
    by_replica: Counter[str] = Counter()
    failures = 0

    async def client(http: httpx.AsyncClient) -> None:
        nonlocal failures
        while (sent := time.monotonic()) < ends:
            answer = await http.post(f"{url}/score", content=body, headers=headers)
            answered = time.monotonic()
            if not starts <= answered < ends:
                continue
            items = answer.json().get("data", ()) if answer.status_code == httpx.codes.OK else ()
            if sum(item["status"] == "ok" for item in items) < FRAMES_PER_REQUEST:
                failures += 1
                continue
            times.append(answered - sent)
            by_replica[answer.json()["model"]] += FRAMES_PER_REQUEST

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(timeout=60.0, limits=limits) as http:
        await asyncio.gather(*(client(http) for _ in range(clients)))
    p50_s, p95_s = (float(np.percentile(times, q)) if times else math.inf for q in (50, 95))
    return Seen(sum(by_replica.values()) / measured_s, p50_s, p95_s, dict(by_replica), failures)
