"""Worker processes that do many runs, several at a time.

Not for which runs (``plan.py``) or for one run (``train.py``).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from agent.config import TrainConfig
from reward_client.processes.lifeline import end_with_parent

POLL_S = 1.0
STOP_S = 5.0

Train = Callable[[TrainConfig, Callable[[int], None]], Any]
"""Does one run, and reports its steps."""


@dataclass
class _Worker:
    process: SpawnProcess
    pipe: Connection
    index: int | None = None  # of the run that it does


class RunPool:
    """Does runs in processes of their own. A run with ``rewards_of`` waits for the run in that folder.

    Args:
        train: does one run; importable by name, since workers are new processes.
        plan: the runs to do.
        workers: processes.
    """

    def __init__(self, train: Train, plan: Sequence[TrainConfig], workers: int) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._train = train
        self.plan = list(plan)
        # of each run: steps before this process began with it, steps now, seconds between both
        self._begun, self._steps = (self._context.Array("l", max(len(plan), 1)) for _ in range(2))
        self._seconds = self._context.Array("d", max(len(plan), 1))
        self._workers: list[_Worker] = []
        self._size = min(workers, len(plan))

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
        folders = {run.folder for run in self.plan}
        later = {i: run.rewards_of for i, run in enumerate(self.plan) if run.rewards_of in folders}
        ready = deque(i for i in range(len(self.plan)) if i not in later)
        try:
            self._workers = [self._start() for _ in range(self._size)]
            while len(ended) < len(self.plan) and (deadline is None or time.monotonic() < deadline):
                for worker in self._workers:
                    if worker.index is None and ready:
                        self._give(worker, ready.popleft())
                busy = {w.pipe: (w, w.index) for w in self._workers if w.index is not None}
                answered = wait(list(busy), POLL_S)
                for worker, index in (busy[pipe] for pipe in busy if pipe in answered):
                    error = ended[index] = self._answer(worker)
                    if error is not None:
                        failed(f"{self.plan[index].name}: {error}")
                    ready.extend(i for i, folder in later.items() if folder == self.plan[index].folder)
                tell(self, len(ended))
        finally:
            for worker in self._workers:
                worker.process.terminate()
            for worker in self._workers:
                worker.process.join(STOP_S)
                worker.process.kill()
                worker.process.join()
        return ended

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        arrays = (self._begun, self._steps, self._seconds)
        process = self._context.Process(target=_work, args=(self._train, theirs, *arrays), daemon=True)
        process.start()
        theirs.close()  # so that we hear when the process is gone
        return _Worker(process, ours)

    def _give(self, worker: _Worker, index: int) -> None:
        worker.index = index
        with suppress(OSError):  # it is gone; the answer says so
            worker.pipe.send((index, self.plan[index]))

    def _answer(self, worker: _Worker) -> str | None:
        """What became of a worker's run. A worker that was killed makes room for another."""
        worker.index = None
        try:
            error: str | None = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join(STOP_S)
            error = f"its process ended with exit code {worker.process.exitcode}"
            self._workers[self._workers.index(worker)] = self._start()
        return error

    def steps_done(self) -> int:
        """Steps of all runs so far."""
        return sum(self._steps[:])

    def seconds_left(self) -> float | None:
        """Estimate from the pace so far of runs with and without a server; None before there is one."""
        begun, steps, seconds = self._begun[:], self._steps[:], self._seconds[:]
        pace: dict[bool, float] = {}
        for scored in (True, False):
            rows = [i for i, run in enumerate(self.plan) if run.arm.scores_frames == scored]
            done = sum(steps[i] - begun[i] for i in rows)
            if done:
                pace[scored] = sum(seconds[i] for i in rows) / done
        if not pace:
            return None
        left = 0.0
        for i, run in enumerate(self.plan):
            left += (run.env_steps - steps[i]) * pace.get(run.arm.scores_frames, max(pace.values()))
        return left / self._size


def _work(train: Train, pipe: Connection, begun: Any, steps: Any, seconds: Any) -> None:
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears the keyboard and ends us
    # With no handler of ours, SDL (pygame) would install its own, which ignores the signal. Checkpoints are
    # whole at every moment, so nothing needs tidying.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(1))
    while True:
        try:
            index, config = pipe.recv()
        except (EOFError, OSError):
            return  # the parent is gone
        started: float | None = None

        def tell(now: int, index: int = index) -> None:
            nonlocal started
            if started is None:  # the first round of a run that goes on does not begin at 0
                started, begun[index] = time.monotonic(), now
            steps[index], seconds[index] = now, time.monotonic() - started

        try:
            train(config, tell)
        except Exception as error:  # noqa: BLE001 - one run's failure is told, and the others go on
            pipe.send(f"{type(error).__name__}: {error}")
        else:
            pipe.send(None)
