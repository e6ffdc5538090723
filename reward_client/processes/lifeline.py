"""A process ends once the one that started it is gone, also where that was killed and could tidy nothing up.

A pipe tells. Its writing end belongs to the parent alone, and the kernel closes it with the parent, whatever
ended that. (Linux can also send a signal when a parent dies, but means the parent's thread: here, the one
that loads a model.) Not for a server that is to outlive its caller.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

VARIABLE = "VLM_REWARD_LIFELINE"
"""Names the file descriptor to a process that stops with its owner."""

STOP_TIMEOUT_S = 30.0
"""Time for a process to end after SIGTERM, before SIGKILL."""

IMPORT_POLL_S = 0.1


_held: set[int] = set()  # the writing ends of this process


def _leave_to_parent() -> None:
    """A forked child would hold the pipe open when its parent is gone."""
    for pipe in _held:
        os.close(pipe)
    _held.clear()


os.register_at_fork(after_in_child=_leave_to_parent)


@dataclass(frozen=True)
class Lifeline:
    """What a new process needs to stop with this one: ``subprocess.Popen(…, pass_fds=…, env=…)``."""

    pass_fds: tuple[int, ...]
    env: Mapping[str, str]


@contextmanager
def lifeline() -> Iterator[Lifeline]:
    """Ties a process that calls ``stop_with_owner`` to this one, for as long as the block runs."""
    theirs, ours = os.pipe()
    _held.add(ours)
    try:
        yield Lifeline((theirs,), {**os.environ, VARIABLE: str(theirs)})
    finally:
        os.close(theirs)
        if ours in _held:  # else we are a forked child
            _held.remove(ours)
            os.close(ours)


def stop_with_owner() -> None:
    """Stops this process, as SIGTERM does, once its owner's ``lifeline`` ends. Without one, does nothing."""
    number = os.environ.pop(VARIABLE, "")  # our own children are none of the owner's
    if not number.isdecimal():
        return
    pipe = int(number)

    def stop() -> None:
        try:
            os.set_inheritable(pipe, False)
            if os.read(pipe, 1):
                return  # not a lifeline
        except OSError:
            return  # neither
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_TIMEOUT_S)
        os.kill(os.getpid(), signal.SIGKILL)

    _in_background(stop)


def end_with_parent() -> None:
    """Kills this process once its parent is gone, where multiprocessing started it. Else does nothing.

    May be called from the main module itself: a process that is spawned imports that before all else, and
    learns of its parent after it.
    """
    if multiprocessing.current_process().name == "MainProcess":
        return

    def end() -> None:
        while (parent := multiprocessing.parent_process()) is None:
            time.sleep(IMPORT_POLL_S)
        parent.join()
        os.kill(os.getpid(), signal.SIGKILL)

    _in_background(end)


def _in_background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True, name="lifeline").start()
