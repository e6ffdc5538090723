"""Nobody outlives the server, however it ends; an engine's processes are stand-ins here.

``make faults`` shows the same of vLLM's own.
"""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from tests.paths import CHECKPOINT, ROOT
from tests.waiting import until

pytestmark = pytest.mark.slow

GONE_S = 5.0


@dataclass(frozen=True)
class Started:
    """A server, and its engine's processes."""

    url: str
    process: subprocess.Popen[bytes]
    core: psutil.Process
    worker: psutil.Process

    def gone(self) -> bool:
        """Whether neither of the engine's processes is left after a moment."""
        _, alive = psutil.wait_procs([self.core, self.worker], timeout=GONE_S)
        return not alive


@contextmanager
def started(folder: Path, way: str = "", **options: object) -> Iterator[Started]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = folder / "log"
    command = [sys.executable, "-m", "tests.reward_server.launch.stand_in_server"]
    arguments = ["--model", str(CHECKPOINT), "--port", str(port)]
    family: list[psutil.Process] = []
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *arguments],
            **{"stdout": output, "stderr": output, "cwd": ROOT, **options},  # type: ignore[call-overload]
            env={**os.environ, "STAND_IN": way},
        )
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: log.read_text().count(" waits") == 2, 60, log.read_text())
        (core,) = [child for child in psutil.Process(process.pid).children() if child.children()]
        (worker,) = [child for child in core.children() if "spawn_main" in " ".join(child.cmdline())]
        family = [core, worker]
        if not way:
            until(lambda: httpx.get(f"{url}/readyz").status_code == 200, 30)
        yield Started(url, process, core, worker)
    finally:
        process.kill()
        process.wait()
        for child in family:
            if child.is_running():
                child.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGQUIT])
def test_what_kills_the_server_alone_ends_its_engine_too(tmp_path: Path, number: signal.Signals) -> None:
    with started(tmp_path) as server:
        server.process.send_signal(number)
        assert server.process.wait(10) == -number
        assert server.gone()


def test_what_kills_the_server_while_it_loads_ends_its_engine_too(tmp_path: Path) -> None:
    with started(tmp_path, "loads for ever") as server:
        server.process.kill()
        assert server.gone()


def test_what_kills_the_engine_core_alone_ends_its_worker_too(tmp_path: Path) -> None:
    with started(tmp_path) as server:
        server.core.kill()
        _, alive = psutil.wait_procs([server.worker], timeout=GONE_S)
        assert not alive


@pytest.mark.parametrize(
    ("number", "way"),
    [(signal.SIGHUP, ""), (signal.SIGHUP, "loads for ever"), (signal.SIGINT, ""), (signal.SIGTERM, "")],
)
def test_a_signal_to_end_is_obeyed_cleanly(tmp_path: Path, number: signal.Signals, way: str) -> None:
    with started(tmp_path, way) as server:
        server.process.send_signal(number)
        assert server.process.wait(20) == 0
        assert server.gone()


def test_sighup_that_nohup_ignores_changes_nothing(tmp_path: Path) -> None:
    def nohup() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with started(tmp_path, preexec_fn=nohup) as server:
        server.process.send_signal(signal.SIGHUP)
        time.sleep(1.0)
        assert httpx.get(f"{server.url}/readyz").status_code == 200
        server.process.terminate()
        assert server.process.wait(20) == 0


def test_a_terminal_that_is_closed_ends_the_server_cleanly(tmp_path: Path) -> None:
    """Its output has nowhere to go from then on."""
    ours, theirs = pty.openpty()

    def own_terminal() -> None:
        os.setsid()
        os.close(os.open(os.ttyname(0), os.O_RDWR))  # the first terminal that a session opens is its own

    with started(tmp_path, stdin=theirs, preexec_fn=own_terminal) as server:
        os.close(theirs)
        os.close(ours)
        assert server.process.wait(20) == 0
        assert server.gone()
