"""A server whose rewards tell frames apart, for tests of whose reward is whose."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reward_server.engine.interface import Answer, Question
from reward_server.settings import Settings
from tests.fakes import FakeEngine
from tests.serving import Serving


class GradedEngine(FakeEngine):
    """The lighter a frame, the more probable is the first label: a reward of its mean over 255."""

    def __init__(self, delay_s: float = 0.0) -> None:
        super().__init__()
        self.delay_s = delay_s

    async def ask(self, images: Sequence[Image.Image], question: Question) -> Answer:
        await asyncio.sleep(self.delay_s)
        light = min(max(float(np.asarray(images[0]).mean()) / 255, 1e-6), 1 - 1e-6)
        first, second = question.labels.sequences if question.labels else ("", "")
        return Answer(first, {first: math.log(light), second: math.log(1 - light)}, prompt_tokens=10)


def grey(light: int) -> NDArray[np.uint8]:
    """A square frame of one brightness, 0 to 255; its reward is that over 255."""
    return np.full((32, 32, 3), light, np.uint8)


@contextmanager
def graded(engine: GradedEngine | None = None, **settings: Any) -> Iterator[Serving]:
    """A server in a thread of this process."""
    server = Serving(engine or GradedEngine(), Settings(**{"cache_bytes": 0, **settings}))
    try:
        yield server
    finally:
        server.stop()
