"""Frames/s of a served model under a full load, for each kind of question. Not for starting it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.bench.measuring.frames import Numbers, frame
from benchmarks.bench.measuring.load import closed_loop
from reward_client import AsyncRewardClient
from reward_client.rubric import Rubric

Frames = list[NDArray[np.uint8]]

TEXT_TOKENS = 24
"""What the ancestor's script asks for."""

QUESTIONS: dict[str, str | Rubric] = {
    "one token": "cartpole-upright",
    "label tree": "cartpole-angle",
    f"text of {TEXT_TOKENS} tokens": Rubric.model_validate(
        {
            "prompt": "How far does the pole lean, in degrees, and to which side?",
            "unit": "deg",
            "readout": {"type": "number", "grammar": "plain", "max_tokens": TEXT_TOKENS},
            "reward": {"type": "distance", "target": 0, "tolerance": 12},
        }
    ),
}
"""The kinds of readout. Their answers do not count here: random weights give none."""


class FailedFrameError(Exception):
    """The engine failed on a frame: a speed with failures is none."""


@dataclass(frozen=True)
class Load:
    """How a server is kept busy.

    Attributes:
        frames_per_request: in each request.
        under_way: requests at once.
        seconds: that are measured, at least.
    """

    frames_per_request: int = 32
    under_way: int = 8
    seconds: float = 10.0


@dataclass(frozen=True)
class Speed:
    """What was measured.

    Attributes:
        question: of ``QUESTIONS``.
        frames_per_s: answered, with a reward or without.
        p50_s: median time of a request.
        passes_per_frame: forward passes, or generated tokens, for each.
    """

    question: str
    frames_per_s: float
    p50_s: float
    passes_per_frame: float


async def speed_of(url: str, question: str, load: Load, numbers: Numbers) -> Speed:
    """Keeps a server full of one question.

    Args:
        url: of the server.
        question: one of ``QUESTIONS``.
        load: how busy it is kept.
        numbers: of fresh frames.

    Raises:
        FailedFrameError: the engine failed on a frame.
        RewardServiceError: a request failed.
    """
    passes, frames = 0, 0

    async def send(request: Frames) -> int:
        nonlocal passes, frames
        answer = await client.score(request, QUESTIONS[question])
        failed = [item.message for item in answer.data if item.status in {"failed", "invalid_frame"}]
        if failed:
            raise FailedFrameError(f"{question}: {failed[0]}")
        passes, frames = passes + answer.usage.completion_tokens, frames + len(request)
        return len(request)

    async with AsyncRewardClient(url, timeout_s=600.0, retries=0) as client:
        window = await closed_loop(
            send,
            _endless(load.frames_per_request, numbers),
            load.under_way,
            warm_up_s=1.0,
            measured_s=load.seconds,
        )
    return Speed(question, window.frames / window.seconds, median(window.latencies_s), passes / frames)


def speeds(url: str, load: Load, numbers: Numbers) -> Iterator[Speed]:
    """Every kind of question, one after the other."""
    for question in QUESTIONS:
        yield asyncio.run(speed_of(url, question, load, numbers))


def _endless(count: int, numbers: Numbers) -> Iterator[Frames]:
    while True:
        yield [frame(number) for number in numbers.take(count)]
