"""What the server does when processes are killed or stopped, and when its engine cannot start, on real vLLM.

Rows of ``make faults`` (``faults.py``, which says what a row is).
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import psutil

from tests.paths import CHECKPOINT
from tests.raw_http import status_of
from tests.victims import (
    OPTIONS,
    Server,
    engine_processes,
    frames,
    is_ready,
    post,
    running_images,
    send_accepted,
)
from tests.waiting import until

STUCK_S = 3.0
QUICK_HEALTH = ("--canary-after-s", "1", "--stuck-after-s", str(STUCK_S))


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
    return _ended_under_load(server, signal.SIGTERM)


def hung_up_under_load(server: Server) -> str:
    """SIGHUP under load, as from a terminal that closes: the same."""
    return _ended_under_load(server, signal.SIGHUP)


def _ended_under_load(server: Server, number: signal.Signals) -> str:
    family = engine_processes(server)
    pending = send_accepted(server.url, range(10, 18))
    assert running_images(server.url) > 0
    server.process.send_signal(number)
    statuses = Counter(status_of(connection) for connection in pending)
    code = server.process.wait(60)
    _, alive = psutil.wait_procs(family, timeout=5)
    assert (code, alive) == (0, []), (code, alive)
    assert set(statuses) == {200}, statuses
    return f"{dict(statuses)}, exit code {code}, {len(family)} engine processes gone"


def killed_server(server: Server) -> str:
    """SIGKILL of the server's process alone, under load: its engine is gone within 5 s, its port free."""
    family = engine_processes(server)
    port = int(server.url.rsplit(":", 1)[1])
    pending = send_accepted(server.url, range(20, 24))
    started = time.monotonic()
    server.process.kill()
    _, alive = psutil.wait_procs(family, timeout=5)
    taken_s = time.monotonic() - started
    for connection in pending:
        connection.close()
    assert family
    assert not alive, alive
    with socket.create_server(("127.0.0.1", port)):
        return f"{len(family)} engine processes gone after {taken_s:.1f} s"


OWNER = """
import pathlib, sys, time
from reward_client.processes.local_server import local_server
if __name__ == "__main__":
    with local_server(sys.argv[1:], log_file=pathlib.Path("server.log")) as server:
        print(server.process.pid, flush=True)
        time.sleep(600)
"""


def killed_owner() -> str:
    """SIGKILL of what started a server, as `reward-agent demo` does: server and engine end within 30 s."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        command = [sys.executable, "-c", OWNER, *OPTIONS]
        owner = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, cwd=folder))
        assert owner.stdout is not None
        server = psutil.Process(int(owner.stdout.readline()))
        family = [server, *server.children(recursive=True)]
        stack.callback(_kill, family)
        started = time.monotonic()
        owner.kill()
        _, alive = psutil.wait_procs(family, timeout=30)
        taken_s = time.monotonic() - started
    assert not alive, alive
    return f"{len(family)} processes gone after {taken_s:.1f} s"


def damaged_weights() -> str:
    """A start with half a file of weights: exit code 1, and the cause as the last line."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(shutil.copytree(CHECKPOINT, Path(folder) / "checkpoint"))
        (weights,) = checkpoint.glob("*.safetensors")
        os.truncate(weights, weights.stat().st_size // 2)
        return _cannot_start("SafetensorError", model=checkpoint)


def no_compiler() -> str:
    """A start without a C++ compiler: exit code 1, and the cause as the last line."""
    return _cannot_start("No working C++ compiler found", {"CXX": "no-such-compiler"})


def space_in_a_path() -> str:
    """A start whose cache lies in a folder with a space: exit code 1, and the cause as the last line."""
    return _cannot_start("holds a space", cache="a cache")


def too_little_memory() -> str:
    """A start with more memory for the cache than there is: exit code 1, and the cause as the last line."""
    return _cannot_start("memory", {"VLLM_CPU_KVCACHE_SPACE": "100000"})


def killed_while_it_loads() -> str:
    """SIGKILL of the engine's process while it loads: exit code 1, and the cause as the last line."""
    return _cannot_start("was killed", kill=True)


def _cannot_start(
    told: str,
    variables: dict[str, str] | None = None,
    *,
    model: Path = CHECKPOINT,
    cache: str = "cache",
    kill: bool = False,
) -> str:
    """Starts a server that cannot start, with an empty cache of compiled code."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        log_file = folder / "server.log"
        environment = {**os.environ, "VLLM_CACHE_ROOT": str(folder / cache), **(variables or {})}
        command = [sys.executable, "-m", "reward_server", *OPTIONS, "--port", "0", "--model", str(model)]
        log = stack.enter_context(log_file.open("wb"))
        process = stack.enter_context(subprocess.Popen(command, stdout=log, stderr=log, env=environment))
        stack.callback(process.kill)
        started = time.monotonic()
        if kill:
            _kill(_loading(psutil.Process(process.pid)))
        code = process.wait(300)
        taken_s = time.monotonic() - started
        last = log_file.read_text().splitlines()[-1]
    assert code == 1, code
    assert last.startswith("reward-server: the engine could not start: "), last
    assert told in last, last
    return f"exit code {code} after {taken_s:.0f} s: {last.removeprefix('reward-server: ')[:160]}"


def _loading(server: psutil.Process) -> list[psutil.Process]:
    """The engine's processes, once they have reported to the server and go on to load the model."""

    def reported() -> bool:
        with suppress(FileNotFoundError):  # another file was closed meanwhile
            files = Path(f"/proc/{server.pid}/fd").iterdir()
            return any("memfd:engine" in os.readlink(file) and file.stat().st_size for file in files)
        return False

    until(reported, 300, "the model's loading", poll_s=0.1)
    return [child for child in server.children() if child.name().startswith("VLLM")]


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        if process.is_running():
            process.kill()
