"""An agent on a simulated task is rewarded by what its reader reads, the same in every run."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.simulated_tasks import SIMULATED_TASKS
from reward_audit.judging.simulated import READERS, reward_of
from reward_tasks.catalog import find_task


def seen(count: int = 40) -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    scale = np.array([2.4, 1.0, 0.3, 1.0])
    return (scale * rng.uniform(-1, 1, (count, 4))).astype(np.float32)


@pytest.mark.parametrize("name", SIMULATED_TASKS)
def test_its_rewards_are_those_of_the_readings_and_repeat(name: str) -> None:
    task, observations = find_task(name), seen()
    reader = SIMULATED_TASKS[name].reader
    tilts, carts = np.degrees(observations[:, 2].astype(float)), observations[:, 0].astype(float)
    rng = np.random.default_rng(zlib.crc32(observations.tobytes()))
    np.testing.assert_array_equal(task.oracle(observations), reward_of(reader.read(tilts, carts, rng)))
    np.testing.assert_array_equal(task.oracle(observations), task.oracle(observations.copy()))


def test_the_truth_does_not_say_its_rewards() -> None:
    for name in SIMULATED_TASKS:
        task = find_task(name)
        assert task.oracle_of_truth(task.truth(seen())) is None


def test_there_is_one_task_for_each_reader() -> None:
    assert [task.reader.name for task in SIMULATED_TASKS.values()] == list(READERS)
