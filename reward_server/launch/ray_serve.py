"""The same application under Ray Serve, for more than one machine: ``serve run deploy/ray/local.yaml``.

Ray Serve routes, scales and replaces replicas; each of them is a process with an engine of its own. Not for
one machine (``uvicorn_server.py``).
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from ray import serve
from ray.serve import Application

from reward_client.schema import MAX_TIMEOUT_S
from reward_server.api.app import create_app
from reward_server.launch.engine_start import EngineStart
from reward_server.launch.model_loading import (
    end_children,
    keys_of,
    load_engine,
    warmed_up,
    with_checked_model,
)
from reward_server.rubrics.loading import load_rubrics
from reward_server.service import Rewarder, Service
from reward_server.settings import Settings

if TYPE_CHECKING:
    from reward_server.engine.vllm_engine import VllmEngine

log = logging.getLogger("reward_server")

SHUTDOWN_MARGIN_S = 30.0

LAST_WORDS_S = 0.3
"""Time for the answers to go out that say that the engine died."""


class UnprotectedError(ValueError):
    """Replicas cannot know who reaches Ray's proxies, so running without keys must be explicit."""


class RewardReplica:
    """One replica: an engine, and the application in front of it.

    Args:
        options: values of ``Settings``; what is not among them comes from this node's ``REWARD_*``
            variables, which is where keys belong: options can be read on Ray's dashboard.
    """

    async def __init__(self, options: dict[str, Any]) -> None:  # type: ignore[misc] # Ray Serve awaits it
        logging.basicConfig(level=logging.INFO)
        settings = with_checked_model(checked_settings(options))
        rubrics = load_rubrics(settings.rubrics_dir)
        self._start = EngineStart()
        self._engine: VllmEngine = await self._start.run(load_engine(settings))
        rewarder = await self._start.run(warmed_up(self._engine, rubrics, settings))

        async def loaded() -> Rewarder:
            return rewarder

        self._service = Service(loaded, self._fail, settings, keys_of(settings))

    def __serve_build_asgi_app__(self) -> FastAPI:
        """What Ray Serve hands requests to."""
        return create_app(self._service)

    async def check_health(self) -> None:
        """Ray Serve asks this regularly, and replaces a replica that fails it three times.

        Raises:
            UnavailableError: frames cannot be scored.
        """
        self._service.check_ready()

    def __del__(self) -> None:
        """Ray Serve calls this after the last accepted request was answered."""
        if hasattr(self, "_engine"):  # it was loaded
            self._engine.close()

    def _fail(self, error: BaseException) -> None:
        """Ends this process, since an engine cannot be revived; Ray Serve starts another replica.

        At once, not after three failed checks: a replica that fails fast would draw requests to itself.
        """
        log.error("the replica failed: %s", self._start.explained(error))
        asyncio.get_running_loop().call_later(LAST_WORDS_S, _exit)


def build(options: dict[str, Any]) -> Application:
    """Ray Serve's application: ``import_path: reward_server.launch.ray_serve:build``; ``args``: options.

    Args:
        options: values of ``Settings`` by name.

    Raises:
        ValidationError: an option is unknown or out of its range.
        UnprotectedError: there are no keys, and nothing says that this is wanted.
    """
    checked_settings(options)
    return Replica.bind(options)


def checked_settings(options: dict[str, Any]) -> Settings:
    """The settings of a replica on this node."""
    settings = Settings(**options)
    if not (keys_of(settings) or settings.allow_unauthenticated):
        raise UnprotectedError(
            "give API keys (REWARD_API_KEYS or REWARD_API_KEY_FILE on all nodes), or say "
            "allow_unauthenticated: true"
        )
    return settings


def _exit() -> None:
    end_children()
    os._exit(1)


Replica = serve.deployment(
    name="reward-server",
    ray_actor_options={"num_gpus": 1},
    # Requests of 16 to 64 frames: a few of them fill an engine step, more only wait.
    max_ongoing_requests=32,
    max_queued_requests=1024,
    autoscaling_config={"min_replicas": 1, "max_replicas": 8, "target_ongoing_requests": 8},
    health_check_period_s=5,
    health_check_timeout_s=30,
    # Every request ends by its own deadline before this; one that hangs is ended by it.
    graceful_shutdown_timeout_s=MAX_TIMEOUT_S + SHUTDOWN_MARGIN_S,
)(serve.ingress()(RewardReplica))
