"""Brings a model up, for a process of its own (``uvicorn_server.py``) and for Ray Serve (``ray_serve.py``).

Not for serving it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import psutil

from reward_client.rubric import Rubric
from reward_server.admission.keys import ApiKey, read_keys
from reward_server.engine.model_on_hub import check_on_hub
from reward_server.engine.model_source import checked_model
from reward_server.launch.model_card import card_of
from reward_server.service import Rewarder
from reward_server.settings import Settings

if TYPE_CHECKING:
    from reward_server.engine.vllm_engine import VllmEngine

log = logging.getLogger("reward_server")

ENGINE_NICENESS = 5
"""Added to this process's own."""

LOWEST_PRIORITY = 19

T = TypeVar("T")


def with_checked_model(settings: Settings) -> Settings:
    """Checks the model's folder, or its name and the Hub, and names the one to load.

    Raises:
        CheckpointError: it cannot be served.
    """
    model = checked_model(settings.model)
    if model != settings.model:
        log.info(
            "model %s: serving %s, the same weights in the layout that vLLM loads", settings.model, model
        )
    if Path(model).expanduser().is_dir():
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    else:
        check_on_hub(model, settings.revision)
    return settings.model_copy(update={"model": model})


def keys_of(settings: Settings) -> list[ApiKey]:
    """The API keys that the settings name.

    Raises:
        KeyFileError: they cannot be used.
    """
    listed = settings.api_keys.get_secret_value() if settings.api_keys else None
    return read_keys(listed, settings.api_key_file)


async def load_engine(settings: Settings) -> VllmEngine:
    """Imports vLLM and loads the model, for many seconds to minutes; the event loop turns meanwhile.

    Raises:
        CheckpointError: the model cannot be loaded.
    """

    def load() -> VllmEngine:
        # in the thread too: the import alone takes many seconds
        from reward_server.engine.vllm_engine import VllmEngine  # noqa: PLC0415

        return VllmEngine(settings)

    return await _in_daemon_thread(load)


async def warmed_up(engine: VllmEngine, rubrics: Mapping[str, Rubric], settings: Settings) -> Rewarder:
    """What answers requests with an engine, after a first frame was scored."""
    card = await asyncio.to_thread(card_of, settings.model, settings.revision)
    rewarder = Rewarder(engine, rubrics, settings, card)
    await rewarder.warm_up()
    if engine.info.device == "cpu":
        _step_behind()
    log.info("ready: %s on %s", engine.info.model, engine.info.device)
    return rewarder


def end_children() -> None:
    """Ends what the engine left running, also where it was still starting."""
    children = psutil.Process().children(recursive=True)
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(children, timeout=5)


def _step_behind() -> None:
    """Lets this process run before an engine that computes on all cores: health must answer in time."""
    this = psutil.Process()  # Ray's workers have a niceness of their own
    for process in this.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            process.nice(min(this.nice() + ENGINE_NICENESS, LOWEST_PRIORITY))


async def _in_daemon_thread(work: Callable[[], T]) -> T:
    """Runs blocking work in a thread that does not keep the process alive, as an executor's would."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if future.done():  # cancelled: the server stops
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(cast(T, result))

    def target() -> None:
        result, failure = None, None
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - handed to whoever waits
            failure = error
        except BaseException as error:  # noqa: BLE001 - a panic of Rust's, sys.exit(): else they wait for ever
            failure = RuntimeError(f"{type(error).__name__}: {error}")
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=target, daemon=True, name="load").start()
    return await future
