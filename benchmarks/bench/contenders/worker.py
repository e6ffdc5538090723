"""Contenders that are no server, each in a process of its own that measures what it is told to.

The process reads a line of JSON for each order and writes one with the result. ``Worker`` is the other end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro
from PIL import Image

from benchmarks.bench.contenders.question import Question
from benchmarks.bench.contenders.servers import ENDS_WITH_US, STOP_TIMEOUT_S, ContenderError, quiet_vllm
from benchmarks.bench.measuring.frames import Numbers, Size, frame
from benchmarks.bench.measuring.processes import core_times, pause, peak_memory_mb, resume

Kind = Literal["vllm", "transformers"]
Order = Callable[[dict[str, Any]], dict[str, Any]]
WARM_UP_FRAMES = 64


@dataclass(frozen=True)
class Options:
    """One contender's process."""

    kind: tyro.conf.Positional[Kind]
    """which one"""
    checkpoint: Path
    """folder of the model"""
    question_file: Path
    """what is asked"""
    dtype: str
    """of weights and arithmetic"""
    size_px: int
    """side of the frames that are at the model's size"""


class Worker:
    """The end that gives orders.

    Args:
        process: of the contender.
        log_file: what it printed.
    """

    def __init__(self, process: subprocess.Popen[bytes], log_file: Path) -> None:
        self._process, self._log_file = process, log_file
        self.start_up_s = 0.0

    def order(self, name: str, **arguments: object) -> dict[str, Any]:
        """Gives an order and waits for its result; the process rests before and after.

        Raises:
            ContenderError: the process ended.
        """
        resume(self._process.pid)
        assert self._process.stdin is not None  # noqa: S101 - both are pipes
        assert self._process.stdout is not None  # noqa: S101
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({"order": name, **arguments}).encode() + b"\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise ContenderError(f"a contender's process ended: see {self._log_file}")
        pause(self._process.pid)
        result: dict[str, Any] = json.loads(line)
        return result


@contextmanager
def worker(
    kind: Kind, checkpoint: Path, dtype: str, size_px: int, question_file: Path, log_file: Path
) -> Iterator[Worker]:
    """Starts a contender's process; it ends with the block.

    Raises:
        ContenderError: it ended at its start.
    """
    command = [
        *[*ENDS_WITH_US, sys.executable, "-m", "benchmarks.bench.contenders.worker", kind],
        *["--checkpoint", str(checkpoint), "--question-file", str(question_file)],
        *["--dtype", dtype, "--size-px", str(size_px)],
    ]
    began = time.perf_counter()
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=quiet_vllm()
        )
    try:
        started = Worker(process, log_file)
        started.order("ready")
        started.start_up_s = time.perf_counter() - began
        yield started
    finally:
        resume(process.pid)
        if process.stdin is not None:
            with suppress(BrokenPipeError):
                process.stdin.close()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _vllm_orders(options: Options, question: Question) -> dict[str, Order]:
    from benchmarks.bench.contenders.offline_vllm import OfflineVllm  # noqa: PLC0415 - seconds to import

    model, numbers = OfflineVllm(options.checkpoint, options.dtype, question), Numbers()

    def images(numbers: list[int]) -> list[Image.Image]:
        square = Size(options.size_px, options.size_px)
        return [Image.fromarray(frame(number, square)) for number in numbers]

    def measure(order: dict[str, Any]) -> dict[str, Any]:
        _, warm_s = model.generate(images(numbers.take(WARM_UP_FRAMES)))
        count = max(round(order["seconds"] * WARM_UP_FRAMES / warm_s), WARM_UP_FRAMES)
        ready = images(numbers.take(count))
        before = core_times(os.getpid())
        _, lasted_s = model.generate(ready)
        return {
            "frames": count,
            "seconds": lasted_s,
            "core_s": core_times(os.getpid()).since(before),
            "peak_memory_mb": peak_memory_mb(os.getpid()),
        }

    def answers(order: dict[str, Any]) -> dict[str, Any]:
        return {"probabilities": model.generate(images(order["numbers"]))[0].tolist()}

    return {"measure": measure, "answers": answers}


def _transformers_orders(options: Options, question: Question) -> dict[str, Order]:
    from benchmarks.bench.contenders.bare_model import BATCH_SIZES, BareModel  # noqa: PLC0415 - likewise

    model = BareModel(options.checkpoint, options.dtype, question)
    square = Size(options.size_px, options.size_px)
    images = [Image.fromarray(frame(number, square)) for number in range(max(BATCH_SIZES))]
    best: dict[int, float] = {}

    def forward(order: dict[str, Any]) -> dict[str, Any]:
        if not best:
            best.update(model.best_batch(images, order["seconds"] / 4))
        size = max(best, key=lambda batch: best[batch])
        rate, frames, core_s = model.forward_frames_per_s(images[:size], order["seconds"])
        return {
            "frames": frames,
            "seconds": frames / rate,
            "core_s": {"main": core_s},
            "peak_memory_mb": peak_memory_mb(os.getpid()),
            "batch_size": size,
            "frames_per_s_by_batch_size": best,
        }

    def ancestor(order: dict[str, Any]) -> dict[str, Any]:
        model.ancestor_steps(order["seconds"] / 4, order["seed"])
        frames, core_s, times_s = model.ancestor_steps(order["seconds"], order["seed"])
        return {
            "frames": frames,
            "seconds": sum(times_s),
            "core_s": {"main": core_s},
            "peak_memory_mb": peak_memory_mb(os.getpid()),
            "latencies_s": times_s,
        }

    return {"forward": forward, "ancestor": ancestor}


def main(options: Options) -> None:
    """Obeys until there are no more orders."""
    with os.fdopen(os.dup(1), "w") as results:
        os.dup2(2, 1)  # vLLM prints, in this process and in its own
        question = Question.load(options.question_file)
        orders = (_vllm_orders if options.kind == "vllm" else _transformers_orders)(options, question)
        orders["ready"] = lambda _: {}
        for line in sys.stdin:
            order = json.loads(line)
            print(json.dumps(orders[order["order"]](order)), file=results, flush=True)


if __name__ == "__main__":
    main(tyro.cli(Options))
