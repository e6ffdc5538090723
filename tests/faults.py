"""What the server does when things break, on real vLLM: ``make faults`` prints the table.

Each fault is a function that breaks a server and returns what happened; it raises AssertionError where
that was not what is expected. Tests run the quick ones.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Protocol

import httpx
import numpy as np
import psutil

from reward_client import RewardClient
from reward_client.frames import to_base64
from reward_client.local_server import LocalServer, local_server
from tests.paths import CHECKPOINT
from tests.raw_http import send, status_of
from tests.waiting import until

STUCK_S = 3.0
OPTIONS = ("--model", str(CHECKPOINT), "--dtype", "float32", "--max-model-len", "512")
QUICK_HEALTH = ("--canary-after-s", "1", "--stuck-after-s", str(STUCK_S))


class Server(Protocol):
    """A server that is to be broken."""

    @property
    def url(self) -> str: ...

    @property
    def process(self) -> subprocess.Popen[bytes]: ...


@contextmanager
def victim(*options: str, port: int | None = None) -> Iterator[LocalServer]:
    """A server that may be broken."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = [*OPTIONS, *options]
        with local_server(arguments, log_file=Path(folder) / "server.log", port=port) as server:
            yield server


def frames(count: int, seed: int) -> list[str]:
    """Small frames that nobody asked about before."""
    noise = np.random.default_rng(seed).integers(0, 256, (count, 60, 90, 3), dtype=np.uint8)
    return [to_base64(frame) for frame in noise]


def post(url: str, images: list[str], **body: object) -> httpx.Response:
    """Sends one request, once; ``timeout_s`` is the server's deadline."""
    sent = {"images": images, "rubric": "cartpole-upright", **body}
    return httpx.post(f"{url}/score", json=sent, timeout=120.0)


def engine_processes(server: Server) -> list[psutil.Process]:
    """The processes that vLLM started."""
    return psutil.Process(server.process.pid).children(recursive=True)


def is_ready(url: str) -> bool:
    """Whether the server says so."""
    return httpx.get(f"{url}/readyz", timeout=5).status_code == 200


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


def send_accepted(url: str, seeds: range) -> list[HTTPConnection]:
    """Sends a request of 64 frames for each seed, and waits until the server has accepted all of them.

    A request that is still on its way to the server, or through its parser, may rightly be refused.
    """
    requests = [frames(64, seed) for seed in seeds]
    until(lambda: running_images(url) == 0)  # of requests before ours
    before = accepted_images(url)
    pending = [send(url, images) for images in requests]
    until(lambda: accepted_images(url) - before == 64 * len(requests), 30)
    return pending


def killed_engine(server: Server) -> str:
    """SIGKILL of the engine's process under load: 503 for what is in flight, exit code 1 within 10 s."""
    pending = send_accepted(server.url, range(4))
    started = time.monotonic()
    for process in engine_processes(server):
        process.kill()
    statuses = Counter(status_of(connection) for connection in pending)
    code = server.process.wait(10)
    taken_s = time.monotonic() - started
    assert code == 1, code
    assert taken_s < 10, taken_s
    assert set(statuses) <= {200, 503}, statuses
    assert statuses[503], statuses
    return f"{dict(statuses)}, exit code {code} after {taken_s:.1f} s"


def stopped_engine(server: Server) -> str:
    """SIGSTOP of the engine's process: unready, alive, 504 at the deadline; SIGCONT: ready again."""
    stopped = engine_processes(server)
    for process in stopped:
        process.suspend()
    try:
        late = post(server.url, frames(2, 1), timeout_s=1.0)
        unready_s = until(lambda: not is_ready(server.url), 5 * STUCK_S)
        alive = httpx.get(f"{server.url}/livez", timeout=5).status_code
    finally:
        for process in stopped:
            process.resume()
    ready_s = until(lambda: is_ready(server.url), 30)
    again = post(server.url, frames(2, 2))
    assert (late.status_code, alive, again.status_code) == (504, 200, 200)
    assert {item["status"] for item in again.json()["data"]} == {"ok"}
    return f"504 at the deadline, unready after {unready_s:.1f} s more, ready {ready_s:.1f} s after SIGCONT"


def terminated_under_load(server: Server) -> str:
    """SIGTERM under load: what was accepted is answered, exit code 0, no process is left."""
    family = engine_processes(server)
    pending = send_accepted(server.url, range(10, 18))
    assert running_images(server.url) > 0
    server.process.terminate()
    statuses = Counter(status_of(connection) for connection in pending)
    code = server.process.wait(60)
    _, alive = psutil.wait_procs(family, timeout=5)
    assert (code, alive) == (0, []), (code, alive)
    assert set(statuses) == {200}, statuses
    return f"{dict(statuses)}, exit code {code}, {len(family)} engine processes gone"


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


def metric(url: str, start: str) -> list[float]:
    """The values in /metrics whose lines begin so."""
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return [float(line.split()[-1]) for line in lines if line.startswith(start)]


def running_images(url: str) -> float:
    """What /metrics says."""
    (images,) = metric(url, 'vlm_reward_images{state="running"}')
    return images


def accepted_images(url: str) -> float:
    """Those that wait, run, or were answered."""
    return sum(metric(url, "vlm_reward_images{") + metric(url, "vlm_reward_frames_total{"))


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
    with ProcessPoolExecutor(1, mp_context=spawn) as processes:
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
        run: breaks a server.
        options: further options of that server.
        ends: whether that ends the server.
        quick: whether `make test` runs it too.
    """

    run: Callable[[Server], str]
    options: tuple[str, ...] = ()
    ends: bool = False
    quick: bool = False


FAULTS = (
    Fault(killed_engine, ends=True, quick=True),
    Fault(stopped_engine, QUICK_HEALTH, quick=True),
    # with those options it may end the server that was stopped before
    Fault(terminated_under_load, QUICK_HEALTH, ends=True, quick=True),
    Fault(clients_that_leave),
    Fault(slow_loris),
    Fault(overload, ("--max-running-images", "64", "--max-queued-images", "128")),
    Fault(restarted_server),
)


def main() -> None:
    """Runs all faults and prints the table; the exit code is 1 where one did not end as expected."""
    print("| fault | expected | happened |\n|---|---|---|")
    failed = False
    for fault in FAULTS:
        what, expected = (fault.run.__doc__ or "").strip().rstrip(".").split(": ", 1)
        try:
            with victim(*fault.options) as server:
                happened = fault.run(server)
        except Exception as error:  # noqa: BLE001 - the table tells it
            failed, happened = True, f"**NOT AS EXPECTED**: {type(error).__name__}: {error}"
        print(f"| {what} | {expected} | {happened} |", flush=True)
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
