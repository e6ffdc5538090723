"""Processes end with the one that started them, also where that is killed. What they do here is wait."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from reward_client.processes.lifeline import VARIABLE, lifeline, stop_with_owner
from tests.paths import CHECKPOINT, ROOT
from tests.waiting import until

GONE_S = 10.0


@contextmanager
def owner(
    folder: Path, program: str, children: int = 1
) -> Iterator[tuple[subprocess.Popen[bytes], psutil.Process]]:
    """A program and the child that it started; both are gone after the block, whatever came of it."""
    file = folder / "owner.py"
    file.write_text(textwrap.dedent(program))
    process = subprocess.Popen(
        [sys.executable, file], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    family: list[psutil.Process] = []
    try:
        until((folder / "ready").is_file, 60, "the child's start")
        family = psutil.Process(process.pid).children(recursive=True)
        (child,) = [one for one in family if one.pid == int((folder / "ready").read_text())]
        yield process, child
    finally:
        process.kill()
        process.wait()
        for one in family:
            if one.is_running():
                one.kill()


def gone(process: psutil.Process, within_s: float = GONE_S) -> bool:
    return not psutil.wait_procs([process], timeout=within_s)[1]


READY = """
    import multiprocessing, os, pathlib, signal, subprocess, sys, time
    from reward_client.processes import lifeline

    def ready():
        pathlib.Path("new").write_text(str(os.getpid()))
        os.replace("new", "ready")

    def wait():
        lifeline.end_with_parent()
        ready()
        time.sleep(600)
"""

SPAWNED = (
    READY
    + """
    if __name__ == "__main__":
        multiprocessing.get_context("METHOD").Process(target=wait).start()
"""
)

NESTED = (
    READY
    + """
    def starts_another():
        lifeline.end_with_parent()
        multiprocessing.get_context("spawn").Process(target=wait).start()

    if __name__ == "__main__":
        multiprocessing.get_context("spawn").Process(target=starts_another).start()
"""
)

FROM_A_THREAD_THAT_ENDED = (
    READY
    + """
    import threading
    if __name__ == "__main__":
        process = multiprocessing.get_context("spawn").Process(target=wait)
        thread = threading.Thread(target=process.start)
        thread.start()
        thread.join()
        time.sleep(600)
"""
)

FROM_THE_MAIN_MODULE = (
    READY
    + """
    lifeline.end_with_parent()

    class Slow:  # to import what a process does takes long
        def __reduce__(self):
            return (import_and_wait, ())

    def import_and_wait():
        ready()
        time.sleep(5)

    def works(_):
        time.sleep(600)

    if __name__ == "__main__":
        multiprocessing.get_context("spawn").Process(target=works, args=(Slow(),)).start()
"""
)

OWNED = (
    READY
    + """
    if __name__ == "__main__":
        with lifeline.lifeline() as line:
            code = "import sys, owner; owner.lifeline.stop_with_owner(); owner.ready(); owner.time.sleep(600)"
            subprocess.Popen([sys.executable, "-c", code], pass_fds=line.pass_fds, env=line.env)
            time.sleep(600)
"""
)

IGNORES_SIGTERM = OWNED.replace(
    "owner.ready();", "owner.signal.signal(15, owner.signal.SIG_IGN); owner.ready();"
)

PROGRAMS = {
    "spawned": SPAWNED.replace("METHOD", "spawn"),
    "forked": SPAWNED.replace("METHOD", "fork"),
    "a child's child": NESTED,
    "started in a thread that ended": FROM_A_THREAD_THAT_ENDED,
    "while it imports": FROM_THE_MAIN_MODULE,
    "a program": OWNED,
}


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_child_lives_as_long_as_its_parent_and_no_longer(tmp_path: Path, program: str) -> None:
    with owner(tmp_path, program) as (parent, child):
        assert not gone(child, 1.0)
        parent.kill()
        assert gone(child)


@pytest.mark.slow
def test_a_program_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    hurried = IGNORES_SIGTERM.replace(
        "import sys, owner;", "import sys, owner; owner.lifeline.STOP_TIMEOUT_S = 1;"
    )
    with owner(tmp_path, hurried) as (parent, child):
        parent.kill()
        assert gone(child)


@pytest.mark.slow
def test_a_stopped_parent_is_no_dead_one(tmp_path: Path) -> None:
    with owner(tmp_path, OWNED) as (parent, child):
        parent.send_signal(signal.SIGSTOP)
        assert not gone(child, 1.0)


@pytest.mark.parametrize("value", ["", "x", "99999", "-1"])
def test_what_is_no_lifeline_changes_nothing(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, value)
    stop_with_owner()
    assert VARIABLE not in os.environ


def test_a_lifeline_leaves_no_file_open() -> None:
    before = psutil.Process().num_fds()
    with lifeline() as line:
        assert psutil.Process().num_fds() == before + 2
        assert line.env[VARIABLE] == str(line.pass_fds[0])
    assert psutil.Process().num_fds() == before
    assert VARIABLE not in os.environ


LOCAL_SERVER = (
    READY
    + f"""
    import threading
    from reward_client.processes.local_server import local_server

    def tell():
        children = pathlib.Path("/proc/self/task", str(os.getpid()), "children")
        while not (found := children.read_text().split()):
            time.sleep(0.05)
        while "listening" not in pathlib.Path("log").read_text():
            time.sleep(0.05)
        pathlib.Path("new").write_text(found[0])
        os.replace("new", "ready")

    if __name__ == "__main__":
        threading.Thread(target=tell, daemon=True).start()
        with local_server(["--model", {str(CHECKPOINT)!r}], log_file=pathlib.Path("log")):
            pass
"""
)


@pytest.mark.slow
def test_a_local_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    """While it imports vLLM; ``make faults`` shows the same of one that is ready."""
    with owner(tmp_path, LOCAL_SERVER) as (parent, server):
        parent.kill()
        assert gone(server)


def test_a_child_that_is_forked_off_does_not_hold_its_parents_line() -> None:
    script = """
    import os, time
    from reward_client.processes.lifeline import lifeline

    with lifeline():
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        print(child, flush=True)
        time.sleep(60)
    """
    program = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert writing_ends(parent.pid) == 1
        until(lambda: writing_ends(child) == 0)
        os.kill(child, signal.SIGKILL)
        parent.kill()


def writing_ends(pid: int) -> int:
    """How many pipes a process can write to, beside its own output."""
    found = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        if int(link.name) > 2 and os.readlink(link).startswith("pipe:"):
            flags = Path(f"/proc/{pid}/fdinfo/{link.name}").read_text().split("flags:")[1].split()[0]
            found += int(flags, 8) & os.O_ACCMODE == os.O_WRONLY
    return found
