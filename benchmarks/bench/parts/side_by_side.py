"""All contenders side by side: the same frames and checkpoint, in turns, over and over.

Turns, because a machine's speed drifts from minute to minute: a ratio is taken between measurements of one
round. Every other round goes backwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.bench.contenders.asking import Probabilities, systemone_status
from benchmarks.bench.contenders.servers import ContenderError
from benchmarks.bench.measuring.frames import CARTPOLE, Numbers, Size
from benchmarks.bench.parts.field import Field
from benchmarks.bench.parts.measuring_ways import Load, Pace, Row, measure_load, rates

TOLERANCES = {"float32": 1e-3, "bfloat16": 0.05}
"""Largest difference of a label's probability between contenders, by dtype: they add up in other orders."""

COMPARED_FRAMES = 64
COMPARED_FROM = 1_000_000
"""Number of the first frame whose answers are compared, far beyond those that are measured."""

GRID_FRAMES_PER_REQUEST = (1, 8, 32, 64)
GRID_UNDER_WAY = (1, 8, 32)


class AnswersDifferError(Exception):
    """Contenders answer differently: their speeds cannot be compared."""


def loads(field: Field) -> dict[str, Load]:
    """The loads that the ratios are between, by name; those of the servers that were started."""
    every = {
        "a-png": Load("score", 32, 8),
        "a-client": Load("client", 32, 8),
        "a-prepared": Load("client", 32, 8, field.square),
        "a-one": Load("score", 1, 1),
        "b-png": Load("chat", 1, 32),
        "b-prepared": Load("chat", 1, 32, field.square),
        "b-one": Load("chat", 1, 1),
        "e-png": Load("batch", 32, 8),
    }
    there = {"a": field.ours, "b": field.vllm, "e": field.batch}
    return {name: load for name, load in every.items() if there[name[0]] is not None}


def measure_side_by_side(field: Field, pace: Pace, say: Callable[[str], None]) -> list[Row]:
    """Measures everyone in turns.

    Returns:
        A row for each measurement, with its ``name`` and ``repeat``.
    """
    rows: list[Row] = []
    turns: dict[str, Callable[[int], Row]] = {
        name: lambda _, load=load: measure_load(field, load, pace)  # type: ignore[misc] # bound now
        for name, load in loads(field).items()
    }
    if field.offline is not None:
        offline = field.offline
        turns["c"] = lambda _: _from_worker(offline.order("measure", seconds=pace.seconds), field.square)
    if field.ancestor is not None:
        ancestor = field.ancestor
        turns["d"] = lambda repeat: _from_worker(
            ancestor.order("ancestor", seconds=pace.seconds, seed=repeat), CARTPOLE
        )
    if field.bare is not None:
        bare = field.bare
        turns["f"] = lambda _: _from_worker(bare.order("forward", seconds=pace.seconds), field.square)
    for repeat in range(pace.repeats):
        for name in list(turns) if repeat % 2 == 0 else list(reversed(turns)):
            row = {"name": name, "repeat": repeat, **turns[name](repeat)}
            rows.append(row)
            say(f"{repeat + 1}/{pace.repeats} {name}: {row['frames_per_s']:.1f} frames/s")
    return rows


def measure_grid(field: Field, pace: Pace, say: Callable[[str], None]) -> list[Row]:
    """Our server under every load of the grid, from PNG and by our client from arrays; once each."""
    rows: list[Row] = []
    if field.ours is None:
        return rows
    for frames_per_request in GRID_FRAMES_PER_REQUEST:
        for under_way in GRID_UNDER_WAY:
            for way in ("score", "client"):
                load = Load(way, frames_per_request, under_way, CARTPOLE)
                row = {"name": f"grid-{way}", **measure_load(field, load, pace)}
                rows.append(row)
                say(f"{way} {frames_per_request} x {under_way}: {row['frames_per_s']:.1f} frames/s")
    return rows


def compare_answers(field: Field, dtype: str) -> dict[str, float]:
    """Asks everyone about the same frames, which are square already, so that nobody crops or resizes.

    Returns:
        The largest difference of a label's probability from our server's answers, by contender.

    Raises:
        AnswersDifferError: it is above the tolerance.
        ContenderError: our server was not started.
    """
    if field.ours is None:
        raise ContenderError("answers are compared with those of contender a, which was not started")
    # one half from PNG, the other from arrays: asked twice, our server would answer from its cache
    half, numbers = COMPARED_FRAMES // 2, Numbers(COMPARED_FROM)
    ours = np.concatenate(
        [_answers(field, "score", half, half, numbers), _answers(field, "client", half, half, numbers)]
    )
    others: dict[str, Probabilities] = {}
    if field.vllm is not None:
        others["b"] = _answers(field, "chat", COMPARED_FRAMES, 1, Numbers(COMPARED_FROM))
    if field.offline is not None:
        same = Numbers(COMPARED_FROM).take(COMPARED_FRAMES)
        others["c"] = np.array(field.offline.order("answers", numbers=same)["probabilities"])
    if field.batch is not None:
        others["e"] = _answers(field, "batch", COMPARED_FRAMES, half, Numbers(COMPARED_FROM))
    differences = {name: float(np.abs(ours - answers).max()) for name, answers in others.items()}
    for name, difference in differences.items():
        if not difference <= TOLERANCES[dtype]:
            raise AnswersDifferError(
                f"{name} answers differently from our server: a label's probability differs by "
                f"{difference:.2g}, and at most {TOLERANCES[dtype]:g} is rounding in {dtype}"
            )
    return differences


def systemone(field: Field) -> str | None:
    """What ``POST /v1/systemone`` says about this model; None without vLLM's server."""
    if field.vllm is None:
        return None
    with field.vllm.running():
        return asyncio.run(systemone_status(field.vllm.url, field.question))


def _answers(
    field: Field, way_name: str, count: int, frames_per_request: int, numbers: Numbers
) -> Probabilities:
    server, make = field.way(way_name)

    async def ask() -> Probabilities:
        async with make() as way:
            requests = way.requests(count // frames_per_request, frames_per_request, field.square, numbers)
            return np.concatenate([await way.probabilities(request) for request in requests])

    with server.running():
        return asyncio.run(ask())


def _from_worker(result: dict[str, Any], size: Size) -> Row:
    keys = ("peak_memory_mb", "batch_size", "frames_per_s_by_batch_size")
    extra = {key: result[key] for key in keys if key in result}
    row = rates(result["frames"], result["seconds"], result["core_s"], result.get("latencies_s", []))
    return {"frame": str(size), **extra, **row}
