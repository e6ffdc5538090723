"""Has ``report.html`` of a run written again while the run goes, by another process of low priority.

Not for the page (``running_report.py``). The run never waits for it, and gives it nothing but its folder.
"""

from __future__ import annotations

import logging
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent.recording.run_folder import REPORT

LOGGER = logging.getLogger("agent")

EVERY_S = 60.0
"""Least time between two pages."""

MOST_OF_A_CORE = 0.05
"""Share of a core that pages may take: one that takes long, as with very many labels, is written less often.
One of 10,000 labels takes 3 s of a core."""

NICENESS, GREATEST_NICENESS = 10, 19
"""What is added to the run's own, and the limit of Linux. Where both want a core, the run gets nine parts of
ten, unless its own is above 9."""

PROGRAM = "agent.reporting.refresh.running_report"


class Refresher:
    """Starts the writing of a page where it is time for one.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writing: subprocess.Popen[bytes] | None = None
        self._started_s = time.monotonic()
        self._pause_s, self._cpu_s = EVERY_S, _children_cpu_s()
        self._failed = False

    def look(self) -> None:
        """Starts a writing where the last one is long enough ago. Takes microseconds where it is not."""
        now = time.monotonic()
        if self._writing is not None and (code := self._writing.poll()) is not None:
            self._writing, before_s = None, self._cpu_s
            self._cpu_s = _children_cpu_s()
            self._pause_s = max(EVERY_S, (self._cpu_s - before_s) / MOST_OF_A_CORE)
            if code:
                self._give_up(f"{PROGRAM} ended with exit code {code}")
        if self._writing is None and not self._failed and now - self._started_s >= self._pause_s:
            self._started_s = now
            self._start()

    def stop(self) -> None:
        """Ends a writing that goes on: from now on somebody else writes the page."""
        if self._writing is not None:
            self._writing.kill()
            self._writing.wait()
            self._writing = None

    def _start(self) -> None:
        try:
            self._writing = subprocess.Popen(
                [sys.executable, "-P", "-m", PROGRAM, str(self._folder.absolute())],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},  # the same code
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:  # no memory, or too many processes: the run itself may still go on
            self._give_up(f"{PROGRAM} cannot be started: {error}")
            return
        niceness = min(GREATEST_NICENESS, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
        with suppress(OSError):  # it has ended already
            os.setpriority(os.PRIO_PROCESS, self._writing.pid, niceness)

    def _give_up(self, reason: str) -> None:
        self._failed = True
        LOGGER.warning("%s is not refreshed while the run goes: %s", self._folder / REPORT, reason)


def _children_cpu_s() -> float:
    """What the processes that this one started, and that have ended, took of the cores."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def refreshed(folder: Path) -> Iterator[Refresher]:
    """Looks after the page of a run for as long as the block runs."""
    refresher = Refresher(folder)
    try:
        yield refresher
    finally:
        refresher.stop()
