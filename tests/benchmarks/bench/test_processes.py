"""Core time, memory, and stopping are those of a whole tree of processes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from benchmarks.bench.measuring.processes import (
    CoreTimes,
    core_times,
    memory_mb,
    pause,
    peak_memory_mb,
    resume,
)

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "print('up', flush=True)\\nwhile True: pass"])
child.wait()
"""


@pytest.fixture
def tree() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # its child runs
    yield process.pid
    for child in psutil.Process(process.pid).children(recursive=True):
        child.kill()
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_childs_core_time_counts_and_a_paused_tree_uses_none(tree: int) -> None:
    before = core_times(tree)
    while core_times(tree).since(before).get("helper", 0.0) < 0.05:
        time.sleep(0.01)
    pause(tree)
    while {p.status() for p in psutil.Process(tree).children()} != {psutil.STATUS_STOPPED}:
        time.sleep(0.01)
    stopped = core_times(tree)
    time.sleep(0.1)
    assert core_times(tree).since(stopped) == {}
    resume(tree)
    while not core_times(tree).since(stopped):
        time.sleep(0.01)


def test_memory_is_told_by_process_and_its_peak_is_not_below(tree: int) -> None:
    now, peak = memory_mb(tree), peak_memory_mb(tree)
    assert set(now) == {"main", "helper"}
    assert all(peak[role] >= now[role] > 1.0 for role in now)


def test_a_tree_that_ended_is_empty() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert core_times(process.pid) == CoreTimes({}, {})
    assert memory_mb(process.pid) == {}
