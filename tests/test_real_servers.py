"""How tests share real servers; nothing is started here."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from tests.real_servers import Need, RealServer, RealServers

ASKS, ENDS = Need(), Need(ends=True)
OTHER_ASKS, OTHER_ENDS = Need(("--other",)), Need(("--other",), ends=True)


class Started:
    """Stand-ins for servers: which were started, and which of them have ended."""

    def __init__(self, tmp_path: Path) -> None:
        self._tmp_path, self._numbers = tmp_path, count(1)
        self.options: list[tuple[str, ...]] = []
        self.ended: set[str] = set()
        self.fail = False

    def folder(self) -> Path:
        return self._tmp_path / str(next(self._numbers))

    @contextmanager
    def __call__(self, options: Sequence[str], folder: Path) -> Iterator[RealServer]:
        self.options.append(tuple(options))
        if self.fail:
            raise OSError("no memory")
        url = f"{folder.name}{''.join(options)}"
        with subprocess.Popen(["true"]) as process:
            yield RealServer(url, process, folder)
        self.ended.add(url)

    def lent(self, *needs: Need, order: Sequence[int] | None = None) -> list[str]:
        """Runs tests with those needs, and says which server each of them got."""
        servers = RealServers({str(i): need for i, need in enumerate(needs)}, self.folder, self)
        got = []
        for test in order or range(len(needs)):
            with servers.lend(str(test)) as server:
                assert server.url not in self.ended
                got.append(server.url)
            assert (server.url in self.ended) == needs[test].ends
        servers.close()
        assert len(self.ended) == len(self.options)
        return got


@pytest.fixture
def started(tmp_path: Path) -> Started:
    return Started(tmp_path)


def test_tests_that_ask_share_a_server_and_one_that_ends_it_gets_it(started: Started) -> None:
    assert started.lent(ASKS, ASKS, ENDS) == ["1", "1", "1"]
    assert started.options == [()]


def test_nobody_gets_a_server_that_was_ended(started: Started) -> None:
    assert started.lent(ENDS, ASKS) == ["1", "2"]
    assert started.options == [(), ()]  # both at once


def test_a_server_has_the_options_that_its_test_needs(started: Started) -> None:
    got = started.lent(ASKS, OTHER_ASKS, ASKS, OTHER_ENDS)
    assert got == ["1", "2--other", "1", "2--other"]


def test_there_are_as_many_servers_as_tests_that_end_one(started: Started) -> None:
    started.lent(ASKS, ENDS, ENDS, ASKS, ENDS, ENDS, OTHER_ASKS, OTHER_ENDS)
    assert started.options.count(()) == 4
    assert started.options.count(("--other",)) == 1


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 2, 0), (0,), (1,), (2,)])
def test_any_order_and_any_part_will_do(started: Started, order: Sequence[int]) -> None:
    assert len(started.lent(ASKS, ENDS, OTHER_ASKS, order=order)) == len(order)


def test_a_start_that_failed_is_tried_again_for_the_next_test(started: Started) -> None:
    servers = RealServers({"a": ASKS, "b": ASKS}, started.folder, started)
    started.fail = True
    with pytest.raises(OSError, match="no memory"), servers.lend("a"):
        pytest.fail("it was lent")
    started.fail = False
    with servers.lend("b") as server:
        assert server.url == "2"
    servers.close()
    assert started.ended == {"2"}
