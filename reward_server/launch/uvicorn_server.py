"""Serves the application with uvicorn until a signal or a failure.

Not for settings and exit codes (``__main__.py``) or for Ray Serve (``ray_serve.py``).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import signal
import socket
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import uvicorn

from reward_client.errors import UnavailableError
from reward_server.admission.keys import ApiKey
from reward_server.api.app import create_app
from reward_server.api.connection_limits import ImpatientProtocol
from reward_server.engine.model_source import CheckpointError
from reward_server.launch.engine_start import EngineStart
from reward_server.launch.model_loading import load_engine, warmed_up
from reward_server.rubrics.loading import load_rubrics
from reward_server.service import Rewarder, Service
from reward_server.settings import Settings

if TYPE_CHECKING:
    from reward_server.engine.vllm_engine import VllmEngine

log = logging.getLogger("reward_server")

KEEP_ALIVE_S = 30
"""Longer than the client's, so that the server never closes a connection that a request is coming on."""

DRAIN_MARGIN_S = 1.0
"""Before uvicorn cuts off what is not finished, it gets an answer that says so."""

DEAD_ENGINE_GRACE_S = 3
"""Time for answers to go out after the engine died."""


class _Server(uvicorn.Server):
    """uvicorn, but SIGTERM, SIGINT and SIGHUP drain it and end it with the process's own exit code."""

    service: Service

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        numbers = [signal.SIGTERM, signal.SIGINT]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # keep what nohup chose
            numbers.append(signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, self._stop, number)
        yield

    def _stop(self, number: int) -> None:
        self.service.gate.drain()  # not ready, and nothing new; uvicorn waits for what was accepted
        limit_s = float(self.config.timeout_graceful_shutdown or 0) - DRAIN_MARGIN_S
        error = UnavailableError("the server is stopping", code="draining", retry_after_s=1)
        asyncio.get_running_loop().call_later(max(limit_s, 0.0), self.service.gate.end, error)
        self.handle_exit(number, None)


async def serve(settings: Settings, listener: socket.socket, keys: Sequence[ApiKey]) -> str | None:
    """Serves until a signal or a failure.

    Args:
        settings: the server's settings.
        listener: bound socket to listen on.
        keys: API keys.

    Returns:
        None after a signal, else a sentence that says what failed.
    """
    rubrics = load_rubrics(settings.rubrics_dir)
    start = EngineStart()
    failure: BaseException | None = None
    engine: VllmEngine | None = None

    async def load() -> Rewarder:
        nonlocal engine
        engine = await start.run(load_engine(settings))  # the port answers meanwhile
        return await start.run(warmed_up(engine, rubrics, settings))

    def fail(error: BaseException) -> None:
        nonlocal failure
        failure = error
        server.config.timeout_graceful_shutdown = DEAD_ENGINE_GRACE_S
        server.should_exit = True

    service = Service(load, fail, settings, keys)
    limits = {"max_connections": settings.max_connections}
    protocol_class: type[asyncio.Protocol] = type("Protocol", (ImpatientProtocol,), limits)
    server = _Server(
        uvicorn.Config(
            create_app(service),
            log_config=None,
            access_log=False,
            lifespan="on",
            http=protocol_class,
            ws="none",
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=math.ceil(settings.drain_timeout_s + DRAIN_MARGIN_S),
        )
    )
    server.service = service

    try:
        await server.serve(sockets=[listener])
    finally:
        if engine is not None:
            engine.close()  # blocks the loop on purpose: vLLM's output task would log its engine's end
    if failure is None:
        return None
    if not isinstance(failure, CheckpointError):
        log.error("the server failed", exc_info=failure)
    return start.explained(failure)
