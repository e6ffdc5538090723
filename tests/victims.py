"""Real servers that may be broken, and what those who break them ask and look at."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Protocol

import httpx
import numpy as np
import psutil

from reward_client.frames import to_base64
from reward_client.processes.local_server import LocalServer, local_server
from tests.paths import CHECKPOINT
from tests.raw_http import send
from tests.waiting import until

OPTIONS = ("--model", str(CHECKPOINT), "--dtype", "float32", "--max-model-len", "512")


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
