"""A folder has one writer at a time; whoever dies, however it dies, makes room for the next."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from reward_report.folder_lock import FolderLockedError, FolderLockError, locked

HOLDER = """
import subprocess, sys, time
from pathlib import Path
from reward_report.folder_lock import locked
with locked(Path(sys.argv[1])):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
    print(child.pid, flush=True)
    time.sleep(60)
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a folder, and has a child of its own that outlives it."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        os.kill(child, signal.SIGKILL)


def refused(folder: Path) -> str:
    with pytest.raises(FolderLockedError) as caught, locked(folder):
        pytest.fail("two writers")
    return str(caught.value)


def test_the_second_is_refused_and_told_who_writes(tmp_path: Path) -> None:
    with holder(tmp_path / "run") as process:
        told = refused(tmp_path / "run")
        assert str(tmp_path / "run") in told
        assert f"process {process.pid} on {socket.gethostname()}" in told


def test_a_lock_of_a_killed_process_is_free_though_its_children_live(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        process.kill()
        process.wait()
        with locked(tmp_path):
            assert f"process {os.getpid()} " in refused(tmp_path)


@pytest.mark.parametrize("way", ["symlink", "relative", "slash", "dots"])
def test_the_same_folder_by_another_path_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    others: dict[str, str | Path] = {
        "symlink": tmp_path / "link",
        "relative": Path("run"),
        "slash": f"{folder}/",
        "dots": Path("link/../run/."),
    }
    with locked(folder):
        refused(Path(others[way]))


def test_two_folders_do_not_meet_and_a_folder_can_be_taken_again(tmp_path: Path) -> None:
    with locked(tmp_path / "a"), locked(tmp_path / "b"), locked(tmp_path / "a" / "inside"):
        refused(tmp_path / "b")
    with locked(tmp_path / "a"), locked(tmp_path / "b"):
        pass


def test_an_error_inside_frees_it(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), locked(tmp_path):
        raise KeyboardInterrupt
    with locked(tmp_path):
        pass


def test_a_forked_child_keeps_nothing(tmp_path: Path) -> None:
    with locked(tmp_path):
        child = os.fork()
        if child == 0:  # it does not own the folder, and its end frees nothing of ours
            try:
                time.sleep(60)
            finally:
                os._exit(1)
        time.sleep(0.2)
        refused(tmp_path)
    try:
        with locked(tmp_path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_forked_child_that_leaves_the_block_frees_nothing(tmp_path: Path) -> None:
    parent = os.getpid()
    try:
        with locked(tmp_path):
            if os.fork() == 0:
                raise SystemExit
            os.wait()
            assert f"process {parent} " in refused(tmp_path)
    except SystemExit:
        os._exit(0)


def _sleep() -> None:
    time.sleep(60)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_keep_nothing(tmp_path: Path, method: Any) -> None:
    with locked(tmp_path):
        worker = multiprocessing.get_context(method).Process(target=_sleep, daemon=True)
        worker.start()
    try:
        with locked(tmp_path):
            pass
    finally:
        worker.kill()
        worker.join()


def test_what_an_earlier_writer_left_in_the_file_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "lock").write_bytes(b"\xff no json " * 100)
    with locked(tmp_path):
        assert f"process {os.getpid()} " in refused(tmp_path)
        os.truncate(tmp_path / "lock", 0)  # it took the lock and has not written who it is
        assert "another process" in refused(tmp_path)


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL])
def test_a_filesystem_without_locks_gets_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def without(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", without)
    with pytest.raises(FolderLockError, match="cannot be locked") as caught, locked(tmp_path):
        pytest.fail("no lock")
    assert str(tmp_path) in str(caught.value)
    assert not isinstance(caught.value, FolderLockedError)


def test_a_folder_that_cannot_be_written_is_the_systems_error() -> None:
    with pytest.raises(OSError, match=r"lock|proc") as caught, locked(Path("/proc/1")):
        pytest.fail("no lock")
    assert caught.value.filename.startswith("/proc/1")


def test_no_file_descriptor_stays_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with locked(tmp_path):
        for _ in range(20):
            refused(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before
