"""Hours of rough use in minutes, on real vLLM: ``make soak`` (20 minutes by default) prints the result.

Clients that behave, leave in the middle of a body or of an answer, set short deadlines and send damaged
frames, all at once, on loopback. At the end memory and file descriptors are flat, the server's counters
equal the requests that were sent, and every accepted request was answered.
"""

from __future__ import annotations

import json
import math
import random
import re
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
import numpy as np
import psutil
import tyro

from reward_client.processes.local_server import LocalServer
from tests.victims import frames, post, running_images, victim
from tests.waiting import until

CLIENTS = 8
SAMPLE_S = 5.0
FILL_ROUNDS = 5
MAX_SLOPE_MB_PER_MIN = 2.0
MAX_NEW_FDS = 10


@dataclass(frozen=True)
class Options:
    """A soak of the reward server."""

    minutes: float = 20.0
    """how long"""
    seed: int = 1
    """of the clients' behaviour"""


@dataclass
class Tally:
    """What clients did and saw."""

    sent: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, what: str) -> None:
        """Counts one request."""
        with self.lock:
            self.sent += 1
            self.seen[what] += 1


def client(server: LocalServer, tally: Tally, seed: int, ends: float) -> None:
    """Sends requests of all kinds until the end."""
    rng = random.Random(seed)
    kinds = {
        "whole": 70,
        "damaged frame": 8,
        "leaves in the body": 6,
        "leaves before the answer": 8,
        "deadline": 8,
    }
    while time.monotonic() < ends:
        (kind,) = rng.choices(list(kinds), list(kinds.values()))
        images = frames(rng.randint(1, 16), rng.randrange(2**32))
        if kind == "damaged frame":
            images[rng.randrange(len(images))] = "AAAA"
        deadline = {"timeout_s": 0.02} if kind == "deadline" else {}
        try:
            if kind in {"leaves in the body", "leaves before the answer"}:
                leave(server, images, kind == "leaves in the body")
                tally.add(kind)
                continue
            answer = post(server.url, images, **deadline)
        except (httpx.HTTPError, OSError) as error:
            tally.add(f"{kind}: NO ANSWER ({type(error).__name__})")
            continue
        statuses = Counter(item["status"] for item in answer.json().get("data", []))
        whole = answer.status_code != 200 or sum(statuses.values()) == len(images)
        tally.add(f"{kind}: {answer.status_code}" + ("" if whole else " WITHOUT ALL ITEMS"))


def fill(server: LocalServer, tally: Tally) -> None:
    """Sends as much as the server takes at a time: its pools grow to their size before we look."""
    for turn in range(FILL_ROUNDS):
        bodies = [frames(64, 10_000 + 10 * turn + i) for i in range(8)]
        with ThreadPoolExecutor(len(bodies)) as threads:
            for answer in threads.map(lambda images: post(server.url, images), bodies):
                tally.add(f"filling: {answer.status_code}")


def leave(server: LocalServer, images: list[str], in_the_body: bool) -> None:
    """Sends a request, or its first half, and closes the connection."""
    body = json.dumps({"images": images, "rubric": "cartpole-upright"}).encode()
    host, port = server.url.removeprefix("http://").split(":")
    head = (
        f"POST /score HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + (body[: len(body) // 2] if in_the_body else body))
        time.sleep(0.02)


def counted(url: str) -> int:
    """Requests to /score, by the server's own counter."""
    text = httpx.get(f"{url}/metrics").text
    pattern = r'^vlm_reward_requests_total\{route="(?:/score|other)",status="\d+"\} (\S+)$'
    return int(sum(float(value) for value in re.findall(pattern, text, re.MULTILINE)))


@dataclass(frozen=True)
class Sample:
    """What the server and its engine hold at one moment."""

    at_min: float  # by the monotonic clock
    memory_mb: dict[str, float]  # by process; pages shared between them are divided among them
    files: int


def sample(server: LocalServer, at_min: float) -> Sample:
    """Reads the resources of the server and of the processes that it started."""
    main = psutil.Process(server.process.pid)
    family = {"server": main}
    for process in main.children(recursive=True):
        family[f"{process.name()} ({process.pid})"] = process
    return Sample(
        at_min,
        {name: process.memory_full_info().pss / 1e6 for name, process in family.items()},
        sum(process.num_fds() for process in family.values()),
    )


def slope_mb_per_min(samples: list[Sample], memory_mb: Callable[[Sample], float]) -> float:
    """The least-squares line through the samples."""
    return float(np.polyfit([s.at_min for s in samples], [memory_mb(s) for s in samples], 1)[0])


def soak(options: Options) -> bool:
    """Runs the soak and prints what was seen.

    Returns:
        Whether all went as expected.
    """
    tally = Tally()
    with victim("--cache-bytes", str(2**20)) as server:
        fill(server, tally)
        ends = time.monotonic() + 60 * options.minutes
        threads = [
            threading.Thread(target=client, args=(server, tally, 1000 * options.seed + i, ends))
            for i in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        samples: list[Sample] = []
        while time.monotonic() < ends:
            time.sleep(SAMPLE_S)
            samples.append(sample(server, time.monotonic() / 60))
            total_mb = sum(samples[-1].memory_mb.values())
            left_s = max(ends - time.monotonic(), 0)
            print(f"\r{tally.sent} requests, {total_mb:.0f} MB, {left_s:.0f} s left  ", end="", flush=True)
        for thread in threads:
            thread.join()
        until(lambda: running_images(server.url) == 0, 30)
        server_count = counted(server.url)
    print()
    settled = samples[len(samples) // 3 :]  # caches and pools fill first
    slope = slope_mb_per_min(settled, lambda s: sum(s.memory_mb.values()))
    new_fds = settled[-1].files - settled[0].files
    unanswered = sum(n for what, n in tally.seen.items() if "NO ANSWER" in what or "WITHOUT" in what)
    errors = sum(n for what, n in tally.seen.items() if what.endswith("500"))
    rows = [
        (
            "memory",
            f"slope under {MAX_SLOPE_MB_PER_MIN:g} MB/min",
            f"{slope:+.2f} MB/min at {sum(settled[-1].memory_mb.values()):.0f} MB",
        ),
        ("open files", f"at most {MAX_NEW_FDS} more", f"{new_fds:+d} at {settled[-1].files}"),
        ("requests counted by the server", f"{tally.sent}, as sent", str(server_count)),
        ("requests without a whole answer", "0", str(unanswered)),
        ("answers with 500", "0", str(errors)),
    ]
    met = [
        slope < MAX_SLOPE_MB_PER_MIN,
        new_fds <= MAX_NEW_FDS,
        server_count == tally.sent,
        not unanswered,
        not errors,
    ]
    print(f"\n{options.minutes:g} minutes, {CLIENTS} clients\n")
    print("| what | expected | happened | met |\n|---|---|---|---|")
    for (what, expected, happened), good in zip(rows, met, strict=True):
        print(f"| {what} | {expected} | {happened} | {'yes' if good else 'NO'} |")
    print("\n| process | MB after a third | MB at the end | MB/min |\n|---|---|---|---|")
    for name in settled[0].memory_mb:
        first_mb, last_mb = (s.memory_mb.get(name, math.nan) for s in (settled[0], settled[-1]))
        rise = slope_mb_per_min(settled, lambda s, name=name: s.memory_mb.get(name, math.nan))  # type: ignore[misc]
        print(f"| {name} | {first_mb:.0f} | {last_mb:.0f} | {rise:+.2f} |")
    print("\n| request | number |\n|---|---|")
    for what, number in sorted(tally.seen.items()):
        print(f"| {what} | {number} |")
    return all(met)


if __name__ == "__main__":
    sys.exit(0 if soak(tyro.cli(Options)) else 1)
