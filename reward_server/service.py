"""What the routes share: the parts that answer requests, once the model is there, or why they are not.

Not for HTTP (``api/``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence

from PIL import Image
from prometheus_client import generate_latest

from reward_client.errors import UnavailableError
from reward_client.rubric import Rubric
from reward_client.schema import Limits, ModelCard, ServerInfo
from reward_server.admission.gate import Gate
from reward_server.admission.image_queue import ImageQueue
from reward_server.admission.keys import ApiKey, KeyRing
from reward_server.engine.health import Health, WatchedEngine
from reward_server.engine.interface import Engine, EngineDeadError
from reward_server.images.decode import ImageLimits
from reward_server.images.prepare import ImagePreparer
from reward_server.scoring.answer_cache import AnswerCache
from reward_server.scoring.batch import Batcher
from reward_server.scoring.catalog import Catalog
from reward_server.scoring.comparer import Comparer
from reward_server.scoring.scorer import Scorer
from reward_server.settings import Settings
from reward_server.telemetry.metrics import Metrics


class Rewarder:
    """Everything that answers requests with one engine.

    Args:
        engine: a ready engine.
        rubrics: the server's rubrics by name.
        settings: the server's limits.
        card: of the model.
    """

    def __init__(
        self,
        engine: Engine,
        rubrics: Mapping[str, Rubric],
        settings: Settings,
        card: ModelCard | None = None,
    ) -> None:
        self.health = Health(settings.canary_after_s, settings.stuck_after_s)
        engine = WatchedEngine(engine, self.health)
        self._engine, self._settings, self._card = engine, settings, card
        self.catalog = Catalog(engine, rubrics)
        limits = ImageLimits(settings.max_image_pixels, settings.max_aspect_ratio)
        preparer = ImagePreparer(limits, digests=settings.cache_bytes > 0)
        batcher = Batcher(AnswerCache(engine, settings.cache_bytes), preparer)
        self.scorer = Scorer(engine.info, self.catalog, batcher)
        self.comparer = Comparer(engine.info, self.catalog, batcher)

    async def warm_up(self) -> None:
        """Asks one available rubric about a grey frame, so that the first client does not wait."""
        size_px = self._engine.info.input_size_px
        frame = Image.new("RGB", (size_px, size_px), "grey")
        for rubric in self.catalog.available()[:1]:
            await self._engine.ask([frame], self.catalog.question(rubric))

    async def watch(self) -> None:
        """Watches the engine until it is dead, which raises EngineDeadError."""
        await self.health.watch(self.warm_up, lambda: self._engine.errored)

    def info(self) -> ServerInfo:
        """What ``GET /info`` answers."""
        limits = Limits(
            max_images_per_request=self._settings.max_images_per_request,
            max_body_bytes=self._settings.max_body_bytes,
            max_image_pixels=self._settings.max_image_pixels,
            max_aspect_ratio=self._settings.max_aspect_ratio,
        )
        engine = dataclasses.asdict(self._engine.info)
        return ServerInfo(**engine, rubrics=self.catalog.infos(), limits=limits, model_card=self._card)


class Service:
    """What the routes share: what answers requests, once it is there, and why it is not.

    Args:
        load: makes what answers requests; that takes minutes for a large model.
        on_failure: called once when loading failed or the engine died; the process should exit.
        settings: the server's limits.
        keys: API keys; with none, everybody may ask.
    """

    def __init__(
        self,
        load: Callable[[], Awaitable[Rewarder]],
        on_failure: Callable[[BaseException], None],
        settings: Settings,
        keys: Sequence[ApiKey] = (),
    ) -> None:
        self._load, self._on_failure = load, on_failure
        self._rewarder: Rewarder | None = None
        self._failure: UnavailableError | None = None
        self.metrics = Metrics()
        self.settings = settings
        self.keys = KeyRing(keys, settings.max_images_per_request)
        self.queue = ImageQueue(settings.max_running_images, settings.max_queued_images)
        self.gate = Gate(self.queue)

    async def run(self) -> None:
        """Loads what answers requests, then watches it; a failure goes to ``on_failure``."""
        try:
            self._rewarder = await self._load()
            await self._rewarder.watch()
        except Exception as error:  # noqa: BLE001 - whatever it was, the process cannot serve
            self.fail(error)

    def fail(self, error: BaseException) -> UnavailableError:
        """Marks the service as dead and reports why, once.

        Returns:
            What clients are told from now on.
        """
        if self._failure is None:
            what, code = "the model could not be loaded", "load_failed"
            if self._rewarder is not None:
                what, code = str(EngineDeadError()), "engine_dead"
            self._failure = UnavailableError(f"{what}; the server is exiting", code=code)
            self.gate.end(self._failure)
            self._on_failure(error)
        return self._failure

    def rewarder(self) -> Rewarder:
        """What answers requests.

        Raises:
            UnavailableError: it is still loading, or dead.
        """
        if self._failure is not None:
            raise self._failure
        if self._rewarder is None:
            raise UnavailableError("the model is still loading", code="loading", retry_after_s=2)
        return self._rewarder

    def check_ready(self) -> None:
        """Returns where frames can be scored now.

        Raises:
            UnavailableError: it is still loading or dead, it drains, or its engine does not answer.
        """
        rewarder = self.rewarder()
        if self.gate.draining:
            raise UnavailableError("the server is stopping", code="draining", retry_after_s=1)
        if trouble := rewarder.health.trouble():
            raise UnavailableError(trouble, code="engine_stuck", retry_after_s=5)

    def render_metrics(self) -> bytes:
        """All metrics in Prometheus' text format, the engine's own behind ours."""
        try:
            self.check_ready()
            ready = 1.0
        except UnavailableError:
            ready = 0.0
        self.metrics.ready.set(ready)
        self.metrics.images.labels("queued").set(self.queue.queued_images)
        self.metrics.images.labels("running").set(self.queue.running_images)
        return generate_latest(self.metrics.registry) + generate_latest()
