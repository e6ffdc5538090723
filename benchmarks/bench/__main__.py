"""The command: what is measured, and where the results go."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

from benchmarks.bench.contenders.servers import ContenderError
from benchmarks.bench.measuring.load import TooFewAnswersError
from benchmarks.bench.measuring.machine import machine, machine_sentence
from benchmarks.bench.parts.agent_loop import agent_bars, agent_text, measure_agent
from benchmarks.bench.parts.field import Contender, started_field
from benchmarks.bench.parts.growth import measure_growth
from benchmarks.bench.parts.measuring_ways import Pace
from benchmarks.bench.parts.memory import measure_memory, memory_text, slopes_mb
from benchmarks.bench.parts.side_by_side import (
    AnswersDifferError,
    compare_answers,
    measure_grid,
    measure_side_by_side,
    systemone,
)
from benchmarks.bench.reporting.bars import bars
from benchmarks.bench.reporting.tables import bars_table, grid_table, table, ways_table, write_between
from reward_client.errors import RewardServiceError

ROOT = Path(__file__).parents[2]
CHECKPOINT = ROOT / "tiny_llava" / "checkpoint"
RESULTS = ROOT / "benchmarks" / "results"
DOCUMENT = ROOT / "docs" / "performance.md"
FULL = Pace(repeats=4, seconds=5.0, warm_up_s=1.0)
QUICK = Pace(repeats=3, seconds=1.5, warm_up_s=0.3)


@dataclass(frozen=True)
class SideBySide:
    """Every way to get a reward, side by side: ratios first."""

    quick: bool = False
    """about 5 minutes in place of 25: shorter and fewer measurements, no grid; the document stays as it is"""
    plots: bool = False
    """also measure how cost grows, and draw it"""
    contenders: tuple[Contender, ...] = ("a", "b", "c", "d", "e", "f")
    """those that are measured; answers are compared with those of a"""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """of weights and arithmetic, for all contenders"""
    rubric: str = "cartpole-angle"
    """a shipped rubric whose labels are one token each"""
    checkpoint: Path = CHECKPOINT
    """folder of a LLaVA checkpoint in the layout of llava-hf"""
    results: Path = RESULTS / "bench.json"
    """where the numbers go"""
    document: Path = DOCUMENT
    """whose tables a full run replaces; its plots go beside it. A quick run draws beside the results"""


@dataclass(frozen=True)
class Agent:
    """The agent's environment steps a second: rewards fetched meanwhile, waited for, or none at all."""

    env_steps: int = 2048
    """of each loop"""
    repeats: int = 3
    """rounds"""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """of weights and arithmetic"""
    rubric: str = "cartpole-angle"
    """where rewards come from"""
    checkpoint: Path = CHECKPOINT
    """folder of a LLaVA checkpoint in the layout of llava-hf"""
    results: Path = RESULTS / "agent.json"
    """where the numbers go"""
    document: Path | None = DOCUMENT
    """whose table is replaced; None: none"""


@dataclass(frozen=True)
class Memory:
    """Memory of the server's processes over very many frames: about 15 minutes for 100,000."""

    frames: int = 100_000
    """fresh frames to score"""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """of weights and arithmetic"""
    rubric: str = "cartpole-angle"
    """what is asked"""
    checkpoint: Path = CHECKPOINT
    """folder of a LLaVA checkpoint in the layout of llava-hf"""
    results: Path = RESULTS / "memory.json"
    """where the numbers go"""
    document: Path | None = DOCUMENT
    """whose table is replaced; None: none"""


def side_by_side(options: SideBySide) -> int:
    """Measures, prints the tables and keeps the numbers.

    Returns:
        The exit code: 1 where a bar was missed.
    """
    pace = QUICK if options.quick else FULL
    found: dict[str, Any] = {"machine": machine(), "dtype": options.dtype, "rubric": options.rubric}
    found["pace"] = vars(pace)
    with started_field(options.contenders, options.checkpoint, options.dtype, options.rubric, _say) as field:
        found["start_up_s"] = field.start_up_s
        if "a" in options.contenders:
            found["largest_difference"] = compare_answers(field, options.dtype)
            _say(f"largest difference of a label's probability from (a): {found['largest_difference']}")
        found["systemone"] = systemone(field)
        found["rows"] = measure_side_by_side(field, pace, _say)
        found["grid"] = [] if options.quick else measure_grid(field, pace, _say)
        found["growth"] = measure_growth(field, pace, _say) if options.plots else None
    found["bars"] = [{**vars(bar), "verdict": bar.verdict} for bar in bars(found["rows"])]
    _keep(options.results, found)
    document = None if options.quick else options.document
    _tell(document, "bench", bench_text(found))  # before the plots: an error there must not lose it
    if options.plots:
        from benchmarks.bench.reporting.plots import draw  # noqa: PLC0415 - only where something is drawn

        files = draw(found, (document or options.results).parent)
        pictures = "\n".join(f"![{file.stem.removeprefix('bench-')}]({file.name})" for file in files)
        _tell(document, "plots", pictures)
    return int(any(bar["verdict"] == "short" for bar in found["bars"]))


def agent(options: Agent) -> int:
    """Measures the agent, prints the table and keeps the numbers.

    Returns:
        The exit code: 1 where a bar was missed.
    """
    described = machine()
    rows = measure_agent(
        options.checkpoint, options.dtype, options.rubric, options.env_steps, options.repeats, _say
    )
    judged = [{**vars(bar), "verdict": bar.verdict} for bar in agent_bars(rows)]
    _keep(options.results, {"machine": described, "dtype": options.dtype, "rows": rows, "bars": judged})
    _tell(options.document, "agent", f"{machine_sentence(described, options.dtype)}\n\n{agent_text(rows)}")
    return int(any(bar["verdict"] == "short" for bar in judged))


def memory(options: Memory) -> int:
    """Measures memory, prints the table and keeps the numbers.

    Returns:
        The exit code, 0.
    """
    described = machine()
    rows = measure_memory(options.checkpoint, options.dtype, options.rubric, options.frames, _say)
    found = {"machine": described, "dtype": options.dtype, "rows": rows, "slopes_mb": slopes_mb(rows)}
    _keep(options.results, found)
    _tell(options.document, "memory", f"{machine_sentence(described, options.dtype)}\n\n{memory_text(rows)}")
    return 0


def _tell(document: Path | None, name: str, text: str) -> None:
    print(f"\n{text}")
    if document is not None:
        write_between(document, name, text)


def bench_text(found: dict[str, Any]) -> str:
    """The tables of what was measured."""
    measured = bars(found["rows"])
    parts = [
        machine_sentence(found["machine"], found["dtype"]),
        bars_table(measured),
        f"Medians of {found['pace']['repeats']} rounds, with their ranges:",
        ways_table(found["rows"]),
    ]
    if found.get("largest_difference"):
        differences = ", ".join(
            f"({name}) {value:.1g}" for name, value in found["largest_difference"].items()
        )
        parts.append(f"Largest difference of a label's probability from (a), same frames: {differences}.")
    if found["systemone"]:
        parts.append(
            f"`POST /v1/systemone` of vLLM's server for this model: `{_one_line(found['systemone'])}`"
        )
    if found["grid"]:
        parts += ["(a) under other loads, from PNG and from arrays of 600x400 by our client:"]
        parts += [grid_table(found["grid"])]
    starts = [[f"({name})", f"{seconds:.1f}"] for name, seconds in found["start_up_s"].items()]
    return "\n\n".join([*parts, table(["start-up", "s"], starts)])


def _keep(file: Path, found: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1, default=vars) + "\n")


def _one_line(text: str) -> str:
    return " ".join(text.replace("|", " ").replace("`", "'").split())


def _say(text: str) -> None:
    print(text, flush=True)


PARTS: dict[str, tuple[type[Any], Callable[[Any], int]]] = {
    "agent": (Agent, agent),
    "memory": (Memory, memory),
}
"""Those that are named first on the command line; without a name it is ``SideBySide``."""


def main() -> int:
    """Runs a part of the benchmark.

    Returns:
        The exit code: 1 where a bar was missed, 2 where nothing could be measured.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # ends what was started
    name = next((name for name in PARTS if sys.argv[1:2] == [name]), "")
    kind, run = PARTS.get(name, (SideBySide, side_by_side))
    program = f"python -m benchmarks.bench {name}".strip()
    options = tyro.cli(kind, prog=program, args=sys.argv[2:] if name else sys.argv[1:])
    try:
        code = run(options)
    except* (
        AnswersDifferError,
        ContenderError,
        RewardServiceError,
        TooFewAnswersError,
        ValueError,
    ) as errors:
        print(f"\nbench: {_first(errors)}", file=sys.stderr)
        code = 2
    return code


def _first(errors: BaseExceptionGroup[Any]) -> BaseException:
    first: BaseException = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


if __name__ == "__main__":
    sys.exit(main())
