"""Runs arms x seeds x environments side by side, goes on where it stopped, and reports.

Not for one run (``train.py``) or for what the numbers say (``comparison.py``).
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty
from typing import Any

from agent.arms import Arm
from agent.config import ConfigError, TrainConfig
from agent.environments import CARTPOLE, CONTINUING
from agent.run_state import changed_options, options

POLL_S = 1.0
STOP_S = 5.0
NOT_HERE = ("arm", "env", "seed", "resume", "video")


@dataclass(frozen=True)
class CompareConfig:
    """Trains every arm with several seeds on both environments, and says whether the VLM's reward teaches.

    Raises:
        ConfigError: an option is out of its range, or one of a single run.
    """

    arms: tuple[Arm, ...] = tuple(Arm)
    """sources of rewards"""
    envs: tuple[str, ...] = (CARTPOLE, CONTINUING)
    """environments"""
    seeds: int = 5
    """runs of each arm on each environment, with the seeds 1, 2, ..."""
    workers: int = field(default_factory=lambda: 2 * (os.cpu_count() or 1))
    """runs at a time; twice the cores, since runs wait for the server"""
    max_minutes: float | None = None
    """stop after so long and report what is finished; the same command goes on later"""
    checkpoint: Path | None = None
    """start a reward server of our own on this model, on the CPU, in place of --server-url"""
    port: int = 8000
    """port of that server, on loopback"""
    train: TrainConfig = field(default_factory=lambda: TrainConfig(name="comparison"))

    def __post_init__(self) -> None:
        plain = TrainConfig()
        for name in NOT_HERE:
            if getattr(self.train, name) != getattr(plain, name):
                raise ConfigError(
                    f"--{name.replace('_', '-')} is for single runs; see --arms, --envs, --seeds"
                )
        for name in ("seeds", "workers"):
            if getattr(self, name) < 1:
                raise ConfigError(f"--{name} must be at least 1")
        for name in ("arms", "envs"):
            given = getattr(self, name)
            if not given or len(set(given)) < len(given):
                raise ConfigError(f"--{name} takes one or more, each once")
        for env in self.envs:
            if env not in {CARTPOLE, CONTINUING}:
                raise ConfigError(f"--envs: {env!r} is neither {CARTPOLE} nor {CONTINUING}")

    def plan(self) -> list[TrainConfig]:
        """All runs, the first seed of everything before the second, so that a part is balanced too."""
        return [
            replace(
                self.train,
                runs=self.train.folder,
                name=f"{env}/{arm}/seed-{seed}",
                arm=arm,
                env=env,  # type: ignore[arg-type] # checked above
                any_tilt=self.train.any_tilt and env == CONTINUING,
                seed=seed,
                resume=True,
            )
            for seed in range(1, self.seeds + 1)
            for env in self.envs
            for arm in self.arms
        ]


def finished(config: TrainConfig) -> bool:
    """Whether a run is complete already.

    Raises:
        ConfigError: its folder holds a run with other options.
    """
    path = config.folder / "config.json"
    if not path.exists():
        return False
    changed = changed_options(json.loads(path.read_text())["options"], options(config))
    if changed:
        raise ConfigError(f"{config.folder} holds a run with other options ({changed}); take another --name")
    summary = config.folder / "summary.json"
    return summary.exists() and json.loads(summary.read_text())["error"] is None


Train = Callable[[TrainConfig, Callable[[int], None]], Any]
"""Does one run, and tells its steps."""


class RunPool:
    """Worker processes that do runs, one after another each.

    Args:
        train: does one run; importable by name, since workers are new processes.
        plan: the runs to do.
        workers: processes.
    """

    def __init__(self, train: Train, plan: Sequence[TrainConfig], workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.plan = list(plan)
        self.steps = context.Array("l", max(len(plan), 1))
        self.seconds = context.Array("d", max(len(plan), 1))
        self._tasks, self._results = context.Queue(), context.Queue()
        for task in enumerate(self.plan):
            self._tasks.put(task)
        self._processes = [
            context.Process(
                target=_work, args=(train, self._tasks, self._results, self.steps, self.seconds), daemon=True
            )
            for _ in range(min(workers, len(plan)))
        ]

    def run(
        self,
        deadline: float | None,
        tell: Callable[[RunPool, int], None],
        failed: Callable[[str], None] = lambda _sentence: None,
    ) -> dict[int, str | None]:
        """Does the runs until all are done or the time is over.

        Args:
            deadline: of ``time.monotonic``, or None.
            tell: called about once a second with this pool and the number of finished runs.
            failed: called with a sentence for each run that failed, when it did.

        Returns:
            For each run that ended its error, or None where it had none.
        """
        ended: dict[int, str | None] = {}
        for process in self._processes:
            process.start()
        try:
            while len(ended) < len(self.plan) and (deadline is None or time.monotonic() < deadline):
                try:
                    index, error = self._results.get(timeout=POLL_S)
                    ended[index] = error
                    if error is not None:
                        failed(f"{self.plan[index].name}: {error}")
                except Empty:
                    if not any(process.is_alive() for process in self._processes):
                        break  # all were killed from outside
                tell(self, len(ended))
        finally:
            self._tasks.cancel_join_thread()  # else our own exit would wait until workers take what is left
            for process in self._processes:
                process.terminate()
            for process in self._processes:
                process.join(STOP_S)
                process.kill()
                process.join()
        return ended

    def steps_done(self) -> int:
        """Steps of all runs so far."""
        return int(sum(self.steps[:]))

    def seconds_left(self, workers: int) -> float | None:
        """Estimate from the pace so far of runs with and without a server; None before there is one."""
        steps, seconds = self.steps[:], self.seconds[:]
        pace: dict[bool, float] = {}
        for scored in (True, False):
            rows = [i for i, run in enumerate(self.plan) if run.arm.scores_frames == scored]
            done = sum(steps[i] for i in rows)
            if done:
                pace[scored] = sum(seconds[i] for i in rows) / done
        if not pace:
            return None
        left = 0.0
        for i, run in enumerate(self.plan):
            scored = run.arm.scores_frames
            left += (run.env_steps - steps[i]) * pace.get(scored, max(pace.values()))
        return left / workers


def _work(train: Train, tasks: Any, results: Any, steps: Any, seconds: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears the keyboard and ends us
    # With no handler of ours, SDL (pygame) would install its own, which ignores the signal. Checkpoints are
    # whole at every moment, so nothing needs tidying.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(1))
    while True:
        try:
            index, config = tasks.get(timeout=POLL_S)
        except Empty:
            return
        started = time.monotonic()

        def tell(now: int, index: int = index, started: float = started) -> None:
            steps[index], seconds[index] = now, time.monotonic() - started

        try:
            train(config, tell)
        except Exception as error:  # noqa: BLE001 - one run's failure is told, and the others go on
            results.put((index, f"{type(error).__name__}: {error}"))
        else:
            results.put((index, None))
