"""Starts a reward server with options of vLLM, for as long as a block runs. Not for asking it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from reward_client.processes.local_server import LocalServer, local_server


def served_model(
    arguments: Sequence[str],
    engine_options: Mapping[str, Any],
    *,
    log_file: Path,
    port: int,
    ready_timeout_s: float,
) -> AbstractContextManager[LocalServer]:
    """Starts the server on loopback, and stops it with all its processes at the end.

    Args:
        arguments: options of ``reward-server``, ``--port`` excepted.
        engine_options: of vLLM's ``AsyncEngineArgs``.
        log_file: receives what the server prints.
        port: to listen on; 0: any free one.
        ready_timeout_s: how long its start may take.

    Raises:
        LocalServerError: it did not start.
    """
    program = ("benchmarks.seven.served.engine_options", json.dumps(engine_options))
    return local_server(
        arguments, log_file=log_file, port=port, ready_timeout_s=ready_timeout_s, program=program
    )
