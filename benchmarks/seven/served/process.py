"""Starts a reward server with options of vLLM, for as long as a block runs. Not for asking it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.bench.contenders.servers import free_port
from reward_client import RewardClient
from reward_client.processes.lifeline import STOP_TIMEOUT_S, lifeline

READY_POLL_S = 1.0


class ServerStartError(Exception):
    """The server ended at its start, or was not ready in time; the message holds its last words."""


@dataclass(frozen=True)
class ServedModel:
    """A server that runs.

    Attributes:
        url: its address.
        pid: of its first process.
        start_up_s: from its start until it was ready, a first frame scored.
    """

    url: str
    pid: int
    start_up_s: float


@contextmanager
def served_model(
    arguments: Sequence[str],
    engine_options: Mapping[str, Any],
    *,
    log_file: Path,
    port: int,
    ready_timeout_s: float,
) -> Iterator[ServedModel]:
    """Starts the server on loopback, and stops it with all its processes at the end.

    Args:
        arguments: options of ``reward-server``, ``--port`` excepted.
        engine_options: of vLLM's ``AsyncEngineArgs``.
        log_file: receives what the server prints.
        port: to listen on; 0: any free one.
        ready_timeout_s: how long its start may take.

    Raises:
        ServerStartError: it did not start.
    """
    command = [sys.executable, "-m", "benchmarks.seven.served.engine_options", json.dumps(engine_options)]
    log_file.parent.mkdir(parents=True, exist_ok=True)
    began, port = time.perf_counter(), port or free_port()
    with lifeline() as line, log_file.open("wb") as log:
        process = subprocess.Popen(
            [*command, *arguments, "--port", str(port)],
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=line.pass_fds,
            env=line.env,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_ready(process, url, log_file, ready_timeout_s)
            yield ServedModel(url, process.pid, time.perf_counter() - began)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_TIMEOUT_S)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_ready(process: subprocess.Popen[bytes], url: str, log_file: Path, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    with RewardClient(url) as client:
        while process.poll() is None:
            if client.is_ready():
                return
            if time.monotonic() > deadline:
                raise ServerStartError(f"the server was not ready in {timeout_s:g} s: see {log_file}")
            time.sleep(READY_POLL_S)
    lines = [line for line in log_file.read_text(errors="replace").splitlines() if line.strip()]
    raise ServerStartError(f"the server ended at its start: {lines[-1] if lines else 'it printed nothing'}")
