"""Starts the servers that are compared, and lets one run at a time.

A server that is not measured is stopped (SIGSTOP): vLLM's idle processes spin while they wait, on the cores
that the measured server needs.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.bench.measuring.processes import pause, resume
from reward_client.processes.local_server import local_server

ENDS_WITH_US = ("setpriv", "--pdeathsig", "KILL")
"""Before a command: where this process is killed, it is killed too."""

START_TIMEOUT_S = 600.0
STOP_TIMEOUT_S = 20.0


class ContenderError(Exception):
    """A contender did not start, or gave an answer that cannot be used."""


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        url: its address.
        pid: of its first process.
        start_up_s: from its start until it was ready.
        ready_path: answers 200 where it is ready.
    """

    url: str
    pid: int
    start_up_s: float
    ready_path: str

    @contextmanager
    def running(self) -> Iterator[None]:
        """Lets the stopped server go on while a block runs."""
        resume(self.pid)
        try:
            wait_until(lambda: _answers(self.url + self.ready_path), f"{self.url} after a pause")
            yield
        finally:
            pause(self.pid)


@contextmanager
def reward_server(
    checkpoint: Path, dtype: str, log_file: Path, options: Sequence[str] = ()
) -> Iterator[Server]:
    """Our server, with its defaults beside these options. Paused at the end of its start."""
    arguments = ["--model", str(checkpoint), "--dtype", dtype, *options]
    with local_server(arguments, log_file=log_file) as started:
        yield from _paused(Server(started.url, started.process.pid, started.start_up_s, "/readyz"))


@contextmanager
def vllm_server(checkpoint: Path, dtype: str, log_file: Path) -> Iterator[Server]:
    """VLLM's own OpenAI server. Its caches are off, which fresh frames never hit; so is what it logs."""
    port = free_port()
    command = [
        *[sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(checkpoint)],
        *["--served-model-name", "model", "--dtype", dtype, "--host", "127.0.0.1", "--port", str(port)],
        *["--no-enable-prefix-caching", "--mm-processor-cache-gb", "0", "--max-logprobs", "128"],
        *["--disable-uvicorn-access-log", "--limit-mm-per-prompt", '{"image": 1}'],
    ]
    with started(command, port, "/health", log_file, quiet_vllm()) as server:
        yield from _paused(server)


@contextmanager
def batch_server(checkpoint: Path, dtype: str, question_file: Path, log_file: Path) -> Iterator[Server]:
    """A server in the manner of published VLM reward servers (``batch_server.py``)."""
    port = free_port()
    command = [
        *[sys.executable, "-m", "benchmarks.bench.contenders.batch_server", "--checkpoint", str(checkpoint)],
        *["--dtype", dtype, "--question-file", str(question_file), "--port", str(port)],
    ]
    with started(command, port, "/health", log_file, dict(os.environ)) as server:
        yield from _paused(server)


def quiet_vllm() -> dict[str, str]:
    """The environment for vLLM without our settings: as its users have it."""
    return {
        **os.environ,
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_LOGGING_LEVEL": "WARNING",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "HF_HUB_OFFLINE": "1",
    }


@contextmanager
def started(
    command: Sequence[str], port: int, ready_path: str, log_file: Path, env: dict[str, str]
) -> Iterator[Server]:
    """A server of any command, ended with all its processes when the block ends.

    Raises:
        ContenderError: it ended at its start, or was not ready in time.
    """
    url, began = f"http://127.0.0.1:{port}", time.perf_counter()
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [*ENDS_WITH_US, *command],
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=env,
        )
    try:

        def ready() -> bool:
            if process.poll() is not None:
                raise ContenderError(f"{command[2]} ended at its start: see {log_file}")
            return _answers(url + ready_path)

        wait_until(ready, command[2])
        yield Server(url, process.pid, time.perf_counter() - began, ready_path)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT_S)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def wait_until(ready: Callable[[], bool], name: str) -> None:
    """Waits for a server.

    Raises:
        ContenderError: it was not ready in time.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    while not ready():
        if time.monotonic() > deadline:
            raise ContenderError(f"{name} was not ready in {START_TIMEOUT_S:g} s")
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5.0).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _paused(server: Server) -> Iterator[Server]:
    pause(server.pid)
    try:
        yield server
    finally:
        resume(server.pid)  # a stopped process cannot end in order
