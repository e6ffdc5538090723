"""Runs a reward server as a process of this machine while a block runs: for demos, tests, measurements.

Not for serving others; start ``reward-server`` for that. The server is reached over HTTP alone.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from reward_client._protocol.readiness import READY_POLL_S
from reward_client.client import RewardClient
from reward_client.errors import RewardServiceError
from reward_client.processes.lifeline import STOP_TIMEOUT_S, lifeline


class LocalServerError(RewardServiceError):
    """The server could not be started; the message holds its last words."""


@dataclass(frozen=True)
class LocalServer:
    """A server that runs.

    Attributes:
        url: its address.
        process: the process, leader of a session of its own.
        start_up_s: from its start until it was ready.
    """

    url: str
    process: subprocess.Popen[bytes]
    start_up_s: float


@contextmanager
def local_server(
    arguments: Sequence[str],
    *,
    log_file: Path,
    port: int | None = None,
    ready_timeout_s: float = 600.0,
    program: Sequence[str] = ("reward_server",),
) -> Iterator[LocalServer]:
    """Starts ``python -m reward_server`` on loopback and stops it, with all its processes, at the end.

    The server also stops where this process is killed and cannot stop it.

    Args:
        arguments: options of the server, ``--port`` excepted.
        log_file: receives the server's output.
        port: port to listen on; None or 0: one that is free.
        ready_timeout_s: how long loading may take.
        program: module that Python runs in place of ``reward_server``, which it wraps, and what comes before
            the options.

    Yields:
        The server, once it is ready.

    Raises:
        LocalServerError: it ended at its start, or was not ready in time.
    """
    port = _usable_port(port)
    command = [sys.executable, "-m", *program, *arguments, "--port", str(port)]
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with lifeline() as line:
        process: subprocess.Popen[bytes] | None = None
        try:
            with log_file.open("wb") as log:
                # A session of its own: an interrupt at the keyboard is for us; we then stop the server.
                process = subprocess.Popen(
                    command,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=line.pass_fds,
                    env=line.env,
                )
            url = f"http://127.0.0.1:{port}"
            start_up_s = _wait_ready(process, url, log_file, ready_timeout_s)
            yield LocalServer(url, process, start_up_s)
        finally:
            if process is not None:
                _stop(process)


def _wait_ready(process: subprocess.Popen[bytes], url: str, log_file: Path, timeout_s: float) -> float:
    """Waits until the server is ready, and returns how long it took, in seconds."""
    began = time.monotonic()
    with RewardClient(url) as client:
        while True:
            if process.poll() is not None:
                raise LocalServerError(f"the reward server ended at its start: {_last_words(log_file)}")
            if client.is_ready():
                return time.monotonic() - began
            if time.monotonic() - began > timeout_s:
                raise LocalServerError(f"the reward server was not ready in {timeout_s:g} s: see {log_file}")
            time.sleep(READY_POLL_S)


def _last_words(log_file: Path) -> str:
    lines = [line for line in log_file.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"


def _stop(process: subprocess.Popen[bytes]) -> None:
    try:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT_S)
    finally:  # also where a second interrupt cuts the waiting short
        with suppress(ProcessLookupError):  # the rule: nothing of its session is left
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _usable_port(port: int | None) -> int:
    """Checks the port before the server does: until it tries, another server there would answer us."""
    try:
        with socket.create_server(("127.0.0.1", port or 0)) as listener:
            usable: int = listener.getsockname()[1]
            return usable
    except OSError as error:
        raise LocalServerError(f"cannot listen on port {port}: {os.strerror(error.errno or 0)}") from error
    except OverflowError as error:
        raise LocalServerError(f"cannot listen on port {port}: ports end at 65535") from error
