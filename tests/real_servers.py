"""Real reward servers for a session of tests, and no more of them than it needs: vLLM takes long to start.

Tests that only ask a server share it. A test that ends one is given the one that others asked before, if
there is one.
"""

from __future__ import annotations

import subprocess
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from reward_client.processes.local_server import local_server
from tests.paths import CHECKPOINT

TOGETHER = 2
"""Servers to be ended that are started together: a start is mostly work of one thread, and takes 3 GB."""


@dataclass(frozen=True)
class Need:
    """A server with the shipped checkpoint.

    Attributes:
        options: further options of the server.
        ends: whether the test ends it; else it leaves the server to others as it was.
    """

    options: tuple[str, ...] = ()
    ends: bool = False


@dataclass(frozen=True)
class RealServer:
    """A server that runs, and the file that it logs to."""

    url: str
    process: subprocess.Popen[bytes]
    log_file: Path


@contextmanager
def start(options: Sequence[str], folder: Path) -> Iterator[RealServer]:
    """A server, ended with the block. The folder is for its log."""
    log_file = folder / "server.log"
    arguments = ["--model", str(CHECKPOINT), "--dtype", "float32", *options]
    with local_server(arguments, log_file=log_file) as server:
        yield RealServer(server.url, server.process, log_file)


Start = Callable[[Sequence[str], Path], AbstractContextManager[RealServer]]


class RealServers:
    """Starts servers when tests need them, and lends them.

    Args:
        needs: what the tests of this session need, by their ids, in the order in which they run.
        new_folder: makes a folder.
        start: starts a server.
    """

    def __init__(self, needs: dict[str, Need], new_folder: Callable[[], Path], start: Start = start) -> None:
        self._needs, self._new_folder, self._start = needs, new_folder, start
        self._idle: defaultdict[tuple[str, ...], deque[Future[tuple[RealServer, ExitStack]]]]
        self._idle = defaultdict(deque)

    @contextmanager
    def lend(self, test: str) -> Iterator[RealServer]:
        """Gives a test its server, and ends it afterwards where the test was to do that."""
        need = self._needs[test]
        idle = self._idle[need.options]
        if not idle:
            self._start_from(test)
        future = idle.popleft()
        server, stack = future.result()  # a start that failed is nobody else's
        if need.ends:
            with stack:
                yield server
        else:
            idle.append(future)
            yield server

    def close(self) -> None:
        """Ends all servers."""
        with ThreadPoolExecutor() as threads:
            for future in (future for idle in self._idle.values() for future in idle):
                if future.exception() is None:
                    threads.submit(future.result()[1].close)
        self._idle.clear()

    def _start_from(self, test: str) -> None:
        """Starts a test's server, and with one to be ended the next one. It waits: no test runs meanwhile."""
        starts = islice(self._starts_from(test), TOGETHER if self._needs[test].ends else 1)
        with ThreadPoolExecutor() as threads:
            for options in list(starts):
                future = threads.submit(self._entered, options, self._new_folder())
                self._idle[options].append(future)

    def _starts_from(self, test: str) -> Iterator[tuple[str, ...]]:
        """The options of all servers that this test and those after it need beside the idle ones."""
        idle = Counter({options: len(servers) for options, servers in self._idle.items()})
        tests = list(self._needs)
        for need in (self._needs[name] for name in tests[tests.index(test) :]):
            if not idle[need.options]:
                idle[need.options] += 1
                yield need.options
            idle[need.options] -= need.ends

    def _entered(self, options: Sequence[str], folder: Path) -> tuple[RealServer, ExitStack]:
        stack = ExitStack()
        return stack.enter_context(self._start(options, folder)), stack
