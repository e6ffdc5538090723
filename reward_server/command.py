"""The reward server's command: reads the settings, listens and serves. Exit status and last words.

Not for serving (``launch/uvicorn_server.py``), nor for the entry that must be light (``__main__.py``).
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import resource
import socket
import sys
from collections.abc import Callable, Sequence

import uvicorn
from pydantic import ValidationError
from pydantic_settings import CliApp, SettingsError

from reward_client.processes.lifeline import stop_with_owner
from reward_server.admission.keys import ApiKey, KeyFileError
from reward_server.engine.model_source import CheckpointError
from reward_server.launch.model_loading import end_children, keys_of, with_checked_model
from reward_server.launch.uvicorn_server import serve
from reward_server.rubrics.loading import RubricFileError
from reward_server.settings import Settings
from reward_server.telemetry.logs import JsonFormatter, TextFormatter
from reward_server.telemetry.tracing import configure_tracing

log = logging.getLogger("reward_server")

GIL_SWITCH_S = 0.0005
"""Python's own 5 ms, with threads that decode and prepare frames, would add up to 100 ms for /readyz."""

MAX_FILES = 65_536


def run() -> None:
    """Reads the settings, listens, serves, and leaves no process behind."""
    stop_with_owner()
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
            f"listening on {settings.host} (--host or REWARD_HOST) lets other machines in; give API keys "
            "(REWARD_API_KEYS or --api-key-file), or pass --allow-unauthenticated"
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
