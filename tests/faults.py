"""What the server does when things break, on real vLLM: ``make faults`` prints the table.

Each fault is a function that breaks a server and returns what happened; it raises AssertionError where
that was not what is expected. Those of processes are in ``process_faults.py``. Tests run the quick ones.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import httpx
import numpy as np
import psutil

from reward_client import RewardClient
from reward_client.processes.lifeline import end_with_parent
from reward_client.processes.local_server import LocalServer
from tests import process_faults
from tests.process_faults import QUICK_HEALTH
from tests.victims import Server, frames, post, running_images, victim
from tests.waiting import until

PROBE = """
import http.client, sys, time
import numpy as np
host, seconds = sys.argv[1], float(sys.argv[2])
times = {"/livez": [], "/readyz": []}
ends = time.monotonic() + seconds
connection = http.client.HTTPConnection(host, timeout=30)
while time.monotonic() < ends:
    for path, taken in times.items():
        started = time.monotonic()
        connection.request("GET", path)
        connection.getresponse().read()
        taken.append(time.monotonic() - started)
    time.sleep(0.02)
print(max(float(np.percentile(taken, 95)) for taken in times.values()))
"""


def slowest_health_s(url: str, seconds: float) -> float:
    """Asks for both health routes for a while, from a process of its own: ours is busy being the load.

    Returns:
        The slower of both routes' 95th percentiles.
    """
    command = [sys.executable, "-c", PROBE, url.removeprefix("http://"), str(seconds)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def clients_that_leave(server: Server) -> str:
    """40 clients that send and leave: their work is cancelled and their places are freed."""
    for seed in range(40):
        with httpx.Client(timeout=0.05) as http, suppress(httpx.TimeoutException):
            http.post(f"{server.url}/score", json={"images": frames(32, seed), "rubric": "cartpole-upright"})
    freed_s = until(lambda: running_images(server.url) == 0, 10)
    started = time.monotonic()
    answer = post(server.url, frames(4, 99))
    taken_s = time.monotonic() - started
    assert answer.status_code == 200
    return f"places free after {freed_s:.1f} s; the next request took {taken_s:.2f} s"


def slow_loris(server: Server) -> str:
    """300 connections that send a byte a second: others are served, and the slow ones are closed."""
    host, port = server.url.removeprefix("http://").split(":")
    slow = [socket.create_connection((host, int(port))) for _ in range(300)]
    stop = threading.Event()

    for connection in slow:
        connection.send(b"POST /score HTTP/1.1\r\nX-Slow: ")

    def trickle() -> None:
        while not stop.wait(1.0):
            for connection in slow:
                with suppress(OSError):
                    connection.send(b"a")

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        statuses = Counter(post(server.url, frames(4, seed)).status_code for seed in range(20))
        process = psutil.Process(server.process.pid)
        closed_s = until(lambda: len(process.net_connections(kind="tcp")) < 50, 60)
    finally:
        stop.set()
        thread.join()
        for connection in slow:
            connection.close()
    assert set(statuses) == {200}, statuses
    return f"20 of 20 requests answered meanwhile; the slow connections closed after {closed_s:.0f} s"


def flood(url: str) -> Counter[int]:
    """60 clients with 4 requests of 32 frames each, in a process of their own.

    It runs behind the server's processes, since it shares their cores and clients elsewhere would not.

    Returns:
        How many answers had which status.
    """
    os.nice(10)
    bodies = {(seed, turn): frames(32, 1000 * seed + turn) for seed in range(60) for turn in range(4)}

    def client(seed: int) -> list[int]:
        statuses = []
        for turn in range(4):
            answer = post(url, bodies[seed, turn])
            statuses.append(answer.status_code)
            if answer.status_code == 503:
                assert int(answer.headers["Retry-After"]) >= 1
            else:
                assert [item["status"] for item in answer.json()["data"]] == ["ok"] * 32
        return statuses

    with ThreadPoolExecutor(60) as threads:
        return Counter(status for statuses in threads.map(client, range(60)) for status in statuses)


def overload(server: Server) -> str:
    """10 times more images than the queue holds: 200 or 503 with Retry-After, and health within 100 ms."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, initializer=end_with_parent) as processes:
        flooding = processes.submit(flood, server.url)
        until(lambda: running_images(server.url) > 0, 60)
        health_s = slowest_health_s(server.url, 5.0)
        seen = flooding.result()
    assert set(seen) == {200, 503}, seen
    assert health_s < 0.1, f"health took {1000 * health_s:.0f} ms (95th percentile)"
    return f"{dict(seen)}; health's 95th percentile {1000 * health_s:.0f} ms"


def restarted_server(server: Server) -> str:
    """The server is killed and started again in mid-run: no label is lost, and every reward is the same."""

    def labels(url: str, restart: Callable[[], None] | None) -> list[float | None]:
        with RewardClient(url, retries=None, deadline_s=300) as client:
            rewards: list[float | None] = []
            for seed in range(20):
                if seed == 10 and restart:
                    restart()
                batch = np.random.default_rng(seed).integers(0, 256, (16, 60, 90, 3), dtype=np.uint8)
                rewards += [item.reward for item in client.score(list(batch), "cartpole-upright").data]
        return rewards

    expected = labels(server.url, None)
    with victim() as first:
        port = int(first.url.rsplit(":", 1)[1])
        again: list[LocalServer] = []
        ended = threading.Event()

        def second() -> None:
            first.process.wait()
            with victim(port=port) as successor:
                again.append(successor)
                ended.wait()

        thread = threading.Thread(target=second)
        thread.start()
        try:
            got = labels(first.url, lambda: os.killpg(first.process.pid, signal.SIGKILL))
        finally:
            ended.set()
            thread.join()
    assert again, "the server was not started again"
    assert None not in got
    worst = max(abs((a or 0.0) - (b or 0.0)) for a, b in zip(got, expected, strict=True))
    assert worst <= 1e-4, worst
    return f"{len(got)} of {len(expected)} labels, largest difference {worst:.1e}"


@dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes:
        run: breaks a server; it is given one, unless it is alone.
        options: further options of that server.
        ends: whether that ends the server.
        alone: whether it starts what it breaks itself.
        quick: whether `make test` runs it too.
    """

    run: Callable[..., str]
    options: tuple[str, ...] = ()
    ends: bool = False
    alone: bool = False
    quick: bool = False


FAULTS = (
    Fault(process_faults.killed_engine, ends=True, quick=True),
    Fault(process_faults.stopped_engine, QUICK_HEALTH, quick=True),
    # with those options it may end the server that was stopped before
    Fault(process_faults.terminated_under_load, QUICK_HEALTH, ends=True, quick=True),
    Fault(process_faults.hung_up_under_load, ends=True),
    Fault(process_faults.killed_server, ends=True),
    Fault(process_faults.killed_owner, alone=True),
    Fault(process_faults.damaged_weights, alone=True, quick=True),
    Fault(process_faults.no_compiler, alone=True),
    Fault(process_faults.space_in_a_path, alone=True),
    Fault(process_faults.too_little_memory, alone=True),
    Fault(process_faults.killed_while_it_loads, alone=True),
    Fault(clients_that_leave),
    Fault(slow_loris),
    Fault(overload, ("--max-running-images", "64", "--max-queued-images", "128")),
    Fault(restarted_server),
)


def happened(fault: Fault) -> str:
    """What a fault did, to a server of its own."""
    if fault.alone:
        return fault.run()
    with victim(*fault.options) as server:
        return fault.run(server)


def main() -> None:
    """Runs all faults and prints the table; the exit code is 1 where one did not end as expected."""
    print("| fault | expected | happened |\n|---|---|---|")
    failed = False
    for fault in FAULTS:
        what, expected = " ".join((fault.run.__doc__ or "").split()).rstrip(".").split(": ", 1)
        try:
            seen = happened(fault)
        except Exception as error:  # noqa: BLE001 - the table tells it
            failed, seen = True, f"**NOT AS EXPECTED**: {type(error).__name__}: {error}"
        print(f"| {what} | {expected} | {seen} |", flush=True)
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
