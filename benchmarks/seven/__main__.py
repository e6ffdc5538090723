"""LLaVA-1.5-7B's dimensions behind our real server on a CPU: ``make seven``.

Random weights, which vLLM makes itself: what it answers means nothing, what it costs does. For a GPU there is
``python -m benchmarks.gpu``.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil
import tyro

from benchmarks.bench.measuring.machine import machine, machine_sentence
from benchmarks.bench.measuring.processes import peak_memory_mb
from benchmarks.bench.reporting.tables import write_between
from benchmarks.seven.dimensions import SEVEN_B, TINY
from benchmarks.seven.served.checkpoint import write_checkpoint
from benchmarks.seven.served.process import served_model
from benchmarks.seven.served.questions import Row, ask_everything
from benchmarks.seven.served.tables import models_text, performance_text
from reward_client import RewardClient
from reward_client.processes.local_server import LocalServer, LocalServerError

ROOT = Path(__file__).parents[2]
MARKS = "seven"
"""In both documents."""

NEEDED_GB = 19.0
"""1e9 bytes: the engine's process took 17.3 (14.1 of weights in two bytes each, a GiB for keys and values,
the process itself, and what a step takes), the server's 1.0, and this one 0.4."""

TINY_NEEDED_GB = 4.0

RANDOM_WEIGHTS = {"load_format": "dummy"}
"""vLLM's name for weights that it makes itself."""

SLOW_ENGINE = (
    *("--default-timeout-s", "1800", "--canary-after-s", "1800", "--stuck-after-s", "1800"),
    *("--max-model-len", "1024", "--max-num-batched-tokens", "1024", "--max-num-seqs", "8"),
)
"""Options of a server one of whose passes takes 20 s: patience, and no more memory than one frame needs."""


@dataclass(frozen=True)
class Seven:
    """LLaVA-1.5-7B's dimensions behind our real server, on the CPU."""

    port: int = 8180
    """that the server listens on; 0: any free one"""
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    """of weights and arithmetic; float32 takes twice the memory"""
    start_minutes: float = 20.0
    """how long the server may take to start"""
    tiny: bool = False
    """a tiny model of the same build, in seconds, to try this; changes no document"""
    folder: Path = ROOT / "runs" / "seven"
    """for the model's files and the server's log"""
    results: Path = ROOT / "benchmarks" / "results" / "seven-cpu.json"
    """where the numbers go, after every row"""
    performance: Path = ROOT / "docs" / "performance.md"
    """whose table is replaced"""
    models: Path = ROOT / "docs" / "models.md"
    """likewise"""


class NotEnoughMemoryError(Exception):
    """The machine has less memory free than the model takes."""


def check_memory(needed_gb: float, available_bytes: int) -> None:
    """Refuses before the machine runs out of memory, which ends processes at random.

    Raises:
        NotEnoughMemoryError: so little is free.
    """
    if available_bytes < needed_gb * 1e9:
        raise NotEnoughMemoryError(
            f"this takes {needed_gb:g} GB of memory, and {available_bytes / 1e9:.1f} GB are free here"
        )


def measure(options: Seven) -> dict[str, Any]:
    """Starts the server and asks it everything.

    Returns:
        What ``tables`` shows.

    Raises:
        LocalServerError: the server did not start.
    """
    checkpoint = options.folder / "checkpoint"
    write_checkpoint(checkpoint, TINY if options.tiny else SEVEN_B)
    described = machine()
    size = "tiny dimensions" if options.tiny else "7.06 billion parameters"
    found: dict[str, Any] = {
        "machine": described,
        "machine_sentence": machine_sentence(described, options.dtype),
        "model_sentence": f"Random weights, {size}, made by vLLM itself.",
        "rows": [],
    }
    with served_model(
        ["--model", str(checkpoint), "--dtype", options.dtype, *SLOW_ENGINE],
        RANDOM_WEIGHTS,
        log_file=options.folder / "server.log",
        port=options.port,
        ready_timeout_s=options.start_minutes * 60,
    ) as server:
        found["start_up_s"] = server.start_up_s
        print(f"ready after {server.start_up_s:.0f} s", flush=True)
        _ask(server, found, options.results)
    return found


def _ask(server: LocalServer, found: dict[str, Any], results: Path) -> None:
    def keep(row: Row) -> None:
        found["rows"].append(dataclasses.asdict(row))
        found["peak_memory_mb"] = peak_memory_mb(server.process.pid)
        results.parent.mkdir(parents=True, exist_ok=True)
        results.write_text(json.dumps(found, indent=1) + "\n")
        seconds = "" if row.seconds is None else f" {row.seconds:.1f} s"
        print(f"{row.asked}:{seconds} {row.status}", flush=True)

    with RewardClient(server.url, timeout_s=1800.0, deadline_s=1800.0, retries=0) as client:
        ask_everything(client, keep)


def main() -> int:
    """Runs the command.

    Returns:
        The exit code: 1 where it could not be measured.
    """
    options = tyro.cli(Seven)
    needed_gb = TINY_NEEDED_GB if options.tiny else NEEDED_GB * (2 if options.dtype == "float32" else 1)
    model, minutes = ("a tiny model", 2) if options.tiny else ("a model of LLaVA-1.5-7B's dimensions", 20)
    print(f"Serving {model} takes {needed_gb:g} GB of memory and about {minutes} minutes.", flush=True)
    try:
        check_memory(needed_gb, psutil.virtual_memory().available)
        found = measure(options)
    except (NotEnoughMemoryError, LocalServerError) as error:
        print(f"seven: {error}", file=sys.stderr)
        return 1
    print(performance_text(found))
    if not options.tiny:
        write_between(options.performance, MARKS, performance_text(found))
        write_between(options.models, MARKS, models_text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
