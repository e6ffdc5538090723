"""Command line of the reward server: ``reward-server --model …`` or ``python -m reward_server``.

Not for the application itself (``app.py``).
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import math
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import uvicorn
from pydantic import ValidationError
from pydantic_settings import CliApp, SettingsError

from reward_client.errors import UnavailableError
from reward_server.access import ApiKey, KeyFileError
from reward_server.app import create_app
from reward_server.checkpoint import CheckpointError
from reward_server.loading import end_children, keys_of, load_engine, warmed_up, with_checked_model
from reward_server.protocol import ImpatientProtocol
from reward_server.request_log import JsonFormatter, TextFormatter
from reward_server.rubrics import RubricFileError, load_rubrics
from reward_server.service import Rewarder, Service
from reward_server.settings import Settings
from reward_server.tracing import configure_tracing

if TYPE_CHECKING:
    from reward_server.engine import VllmEngine

log = logging.getLogger("reward_server")

ENGINE_POLL_S = 1.0
KEEP_ALIVE_S = 30
"""Longer than the client's, so that the server never closes a connection that a request is coming on."""

GIL_SWITCH_S = 0.0005
"""Python's own 5 ms, with threads that decode and prepare frames, would add up to 100 ms for /readyz."""

MAX_FILES = 65_536
DRAIN_MARGIN_S = 1.0
"""Before uvicorn cuts off what is not finished, it gets an answer that says so."""

DEAD_ENGINE_GRACE_S = 3
"""Time for answers to go out after the engine died."""


class _Server(uvicorn.Server):
    """uvicorn, but SIGTERM and SIGINT drain it and end it with the process's own exit code."""

    service: Service

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
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
    failure: BaseException | None = None
    engine: VllmEngine | None = None

    async def load() -> Rewarder:
        nonlocal engine
        engine = await load_engine(settings)  # the port answers meanwhile
        return await warmed_up(engine, rubrics, settings)

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
            create_app(service, settings),
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

    async def watch_engine() -> None:
        while True:
            await asyncio.sleep(ENGINE_POLL_S)
            if engine is not None and engine.errored:
                service.fail(RuntimeError("the model's engine died"))

    watch = asyncio.create_task(watch_engine())
    try:
        await server.serve(sockets=[listener])
    finally:
        watch.cancel()
        if engine is not None:
            engine.close()  # blocks the loop on purpose: vLLM's output task would log its engine's end
    if failure is None:
        return None
    if not isinstance(failure, CheckpointError):
        log.error("the server failed", exc_info=failure)
    return str(failure) or type(failure).__name__


def main() -> None:
    """Reads the settings, listens, serves, and leaves no process behind."""
    console = logging.StreamHandler()
    console.setFormatter(TextFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[console])
    sys.setswitchinterval(GIL_SWITCH_S)
    flush_traces: Callable[[], None] | None = None
    try:
        settings = CliApp.run(Settings)
        if settings.log_format == "json":
            console.setFormatter(JsonFormatter())
        settings = with_checked_model(settings)
        keys = keys_of(settings)
        _check_exposure(settings, keys)
        if settings.otlp_endpoint:
            flush_traces = configure_tracing(settings.otlp_endpoint)
        listener = _listen(settings.host, settings.port)
        log.info("listening on http://%s:%d; loading %s", *listener.getsockname()[:2], settings.model)
        _allow_many_files()
        with asyncio.Runner(loop_factory=uvicorn.Config(app="").get_loop_factory()) as runner:
            failure = runner.run(serve(settings, listener, keys))
    except (ValidationError, SettingsError) as error:
        failure = _settings_message(error)
    except (CheckpointError, RubricFileError, KeyFileError, _ListenError) as error:
        failure = str(error)
    except KeyboardInterrupt:  # before the loop took the signal over
        failure = "interrupted"
    if flush_traces is not None:
        flush_traces()
    end_children()
    if failure is not None:
        print(f"reward-server: {failure}", file=sys.stderr, flush=True)
    # At once: a thread may still be loading the model.
    os._exit(0 if failure is None else 1)


def _allow_many_files() -> None:
    """Each connection is an open file; the usual soft limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < MAX_FILES:
        wanted = MAX_FILES if hard < 0 else min(MAX_FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _ListenError(Exception):
    """The address cannot be listened on."""


def _check_exposure(settings: Settings, keys: Sequence[ApiKey]) -> None:
    """Refuses to let other machines in without a key, unless that is what the user said."""
    try:
        loopback = ipaddress.ip_address(settings.host).is_loopback
    except ValueError:
        loopback = settings.host == "localhost"
    if not (loopback or keys or settings.allow_unauthenticated):
        raise _ListenError(
            f"--host {settings.host} lets other machines in; give API keys (REWARD_API_KEYS or "
            "--api-key-file), or say --allow-unauthenticated"
        )


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise _ListenError(f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}") from error


def _settings_message(error: ValidationError | SettingsError) -> str:
    if isinstance(error, SettingsError):
        return str(error)
    first = error.errors(include_url=False)[0]
    return f"--{'.'.join(str(part) for part in first['loc']).replace('_', '-')}: {first['msg']}"


if __name__ == "__main__":
    main()
