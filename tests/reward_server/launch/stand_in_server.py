"""The server's own command with a stand-in for the engine, whose processes are like vLLM's.

The engine core is a child that multiprocessing spawned, and the worker is a child of that one. Both only
wait. ``STAND_IN`` in the environment says how the start goes.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
from typing import Any, cast

from reward_server import __main__ as command
from reward_server.launch import uvicorn_server
from reward_server.settings import Settings
from tests.fakes import FakeEngine

SPAWN = multiprocessing.get_context("spawn")


class StandIn(FakeEngine):
    """An engine with processes of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._core = SPAWN.Process(target=core, name="EngineCore")
        self._core.start()

    def close(self) -> None:
        self._core.terminate()
        self._core.join()


def core() -> None:
    SPAWN.Process(target=wait, name="Worker", daemon=True).start()
    wait()


def wait() -> None:
    print(f"{multiprocessing.current_process().name} waits", flush=True)
    time.sleep(600)


async def load_engine(_settings: Settings) -> Any:
    if os.environ.get("STAND_IN") == "loads for ever":
        StandIn()
        await asyncio.sleep(600)
    return StandIn()


if __name__ == "__main__":
    cast(Any, uvicorn_server).load_engine = load_engine
    command.main()
