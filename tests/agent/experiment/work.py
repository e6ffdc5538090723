"""What workers do in tests of the pool. They import this module, which is quick without the learner."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import numpy as np

from agent.config import TrainConfig
from agent.training.frame_envs import make_envs


def fails_for_seed_two(config: TrainConfig, progress: Callable[[int], None]) -> None:
    if config.seed == 2:
        raise ValueError("no such luck")
    progress(config.env_steps)


def never_ends(config: TrainConfig, progress: Callable[[int], None]) -> None:
    """Renders first, since SDL takes over signals then."""
    make_envs(config.find_task(), [1], frames=True).step(np.zeros(1, dtype=np.int64))
    progress(1)
    time.sleep(600)


def dies_for_seed_one(config: TrainConfig, progress: Callable[[int], None]) -> None:
    if config.seed == 1:
        os.kill(os.getpid(), signal.SIGKILL)


def leaves_a_mark(config: TrainConfig, progress: Callable[[int], None]) -> None:
    if config.rewards_of is not None:
        (config.rewards_of / "mark").read_bytes()
    else:
        time.sleep(1)
        config.folder.mkdir(parents=True)
        (config.folder / "mark").touch()


def goes_on_from_half(config: TrainConfig, progress: Callable[[int], None]) -> None:
    """48 steps in 2 s, after 96 that were done before."""
    progress(96)
    time.sleep(2)
    progress(144)
    time.sleep(2)
