"""One writer of a folder at a time. The kernel frees the lock of a process that ends, however it ends.

Not for readers: what is finished may be read by anybody.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LOCK_FILE = "lock"
"""In the folder; it stays there, and says who wrote last. It is the lock on it that counts, not the file."""

_INFO_BYTES = 4096

_held: set[int] = set()


class FolderLockError(Exception):
    """The folder cannot be locked; the message names it."""


class FolderLockedError(FolderLockError):
    """Another writer has the folder; the message names its process."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Makes this process the only writer of a folder while the block runs. The folder is made.

    Raises:
        FolderLockedError: somebody writes there, be it this process.
        FolderLockError: the filesystem knows no locks.
        OSError: the folder cannot be made or written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Not inherited by programs that we start; forked children close it below.
    file = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    _held.add(file)
    try:
        _lock(file, folder)
        try:
            os.ftruncate(file, 0)
            os.pwrite(file, json.dumps(_info()).encode(), 0)
            yield
        finally:
            if file in _held:  # else we are a forked child
                fcntl.flock(file, fcntl.LOCK_UN)  # one that was forked this moment may not have closed it yet
    finally:
        if file in _held:
            _held.remove(file)
            os.close(file)


def _info() -> dict[str, Any]:
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}


def _lock(file: int, folder: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise FolderLockedError(f"{folder} is being written by {_writer(file)}") from error
    except OSError as error:
        raise FolderLockError(
            f"{folder} cannot be locked against a second writer ({os.strerror(error.errno or 0)}): its "
            "filesystem knows no locks; use a folder on another one"
        ) from error


def _writer(file: int) -> str:
    try:
        info = json.loads(os.pread(file, _INFO_BYTES, 0))
        return f"process {info['pid']} on {info['host']} since {info['since']}"
    except (ValueError, KeyError, TypeError):  # it has just begun
        return "another process"


def _leave_to_parent() -> None:
    """A forked child shares the lock, and would keep it when its parent is gone."""
    for file in _held:
        os.close(file)
    _held.clear()


os.register_at_fork(after_in_child=_leave_to_parent)
