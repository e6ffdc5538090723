"""A replica whose engine is a stand-in of fixed service time: to measure what distributes requests.

The application is the server's own, from HTTP to admission; only the model is missing. Cores are few here:
eight real engines would measure them.
"""

from __future__ import annotations

import asyncio
import dataclasses
import multiprocessing
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI
from PIL import Image

from reward_client.processes.lifeline import end_with_parent
from reward_server.api.app import create_app
from reward_server.engine.interface import Answer, Question
from reward_server.rubrics.loading import load_rubrics
from reward_server.service import Rewarder, Service
from reward_server.settings import Settings
from tests.fakes import FakeEngine

FRAME_S = 0.025
"""A frame's time in the stand-in, one frame after another: 40 frames a second."""


class FixedTimeEngine(FakeEngine):
    """Takes the same time for each frame, one after another.

    Args:
        name: what answers say as their model, so that a client sees who answered.
        frame_s: time of a frame, in seconds.
    """

    def __init__(self, name: str, frame_s: float) -> None:
        super().__init__()
        self.info = dataclasses.replace(self.info, model=name)
        self._frame_s, self._busy = frame_s, asyncio.Lock()

    async def ask(self, images: Sequence[Image.Image], question: Question) -> Answer:
        """Answers after its time."""
        async with self._busy:
            await asyncio.sleep(self._frame_s)
        return await super().ask(images, question)


def stand_in_app(name: str, frame_s: float) -> FastAPI:
    """The server's own application with a stand-in for its engine."""
    settings = Settings(cache_bytes=0)

    async def load() -> Rewarder:
        return Rewarder(FixedTimeEngine(name, frame_s), load_rubrics(None), settings)

    return create_app(Service(load, lambda _error: None, settings))


def _serve(name: str, frame_s: float, listener: socket.socket) -> None:
    end_with_parent()
    config = uvicorn.Config(
        stand_in_app(name, frame_s), log_config=None, access_log=False, timeout_graceful_shutdown=1
    )
    uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def stand_ins(frame_times_s: Sequence[float]) -> Iterator[list[int]]:
    """Processes on loopback, one for each given time of a frame.

    Yields:
        Their ports.
    """
    spawn = multiprocessing.get_context("spawn")
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in frame_times_s]
    processes = [
        spawn.Process(target=_serve, args=(f"stand-in-{row}", frame_s, listener), daemon=True)
        for row, (frame_s, listener) in enumerate(zip(frame_times_s, listeners, strict=True))
    ]
    try:
        for process in processes:
            process.start()
        yield [listener.getsockname()[1] for listener in listeners]
    finally:
        for process in processes:
            process.terminate()
        for process, listener in zip(processes, listeners, strict=True):
            process.join()
            listener.close()
