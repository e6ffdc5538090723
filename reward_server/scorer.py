"""Scores the images of one request: decode, pad, ask, read, map. The engine is behind a protocol.

Not for HTTP (``app.py``) or for vLLM (``engine.py``).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import math
import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from reward_client.errors import InvalidRequestError
from reward_client.schema import (
    ItemStatus,
    Limits,
    Preprocess,
    RewardItem,
    Rubric,
    RubricInfo,
    ScoreRequest,
    ScoreResponse,
    ServerInfo,
    Timings,
    Usage,
)
from reward_server.decode import FrameError, FrameLimits, decode_frame
from reward_server.preprocess import pad_to_square
from reward_server.readouts import read_labels
from reward_server.reward_maps import reward_of
from reward_server.settings import Settings

log = logging.getLogger(__name__)


class QuestionError(Exception):
    """The model cannot be asked this.

    Attributes:
        field: what is wrong, ``prompt`` or ``readout.labels``.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class EngineFrameError(Exception):
    """The engine could not answer for one frame; others are not affected."""


class EngineDeadError(Exception):
    """The engine is gone and will not come back in this process."""


@dataclass(frozen=True)
class Question:
    """A question as the model receives it.

    Attributes:
        prompt: full prompt text in the model's own format, with its image placeholder.
        label_ids: one token id for each label.
    """

    prompt: str
    label_ids: dict[str, int]


@dataclass(frozen=True)
class Answer:
    """What the model answered about one frame.

    Attributes:
        logprobs: natural logarithm of the probability of each label's token.
        text: the most probable token's text.
        prompt_tokens: number of tokens of the prompt, image included.
    """

    logprobs: dict[str, float]
    text: str
    prompt_tokens: int


@dataclass(frozen=True)
class EngineInfo:
    """What determines an engine's answers, beside the question."""

    model: str
    revision: str | None
    dtype: str
    device: str
    engine: str
    input_size_px: int


class Engine(Protocol):
    """What the scorer needs of a model. ``engine.VllmEngine`` is the one that is served."""

    @property
    def info(self) -> EngineInfo:
        """What is served."""

    def question(self, prompt: str, labels: list[str]) -> Question:
        """Prepares a question; raises QuestionError where the model cannot be asked."""

    async def ask(self, image: Image.Image, question: Question) -> Answer:
        """Asks about an RGB image of the input size; raises EngineFrameError or EngineDeadError."""


class Scorer:
    """Scores requests with one engine.

    Args:
        engine: a ready engine.
        rubrics: the server's rubrics by name.
        settings: the server's limits.
    """

    def __init__(self, engine: Engine, rubrics: dict[str, Rubric], settings: Settings) -> None:
        self._engine, self._rubrics, self._settings = engine, rubrics, settings
        self._limits = FrameLimits(settings.max_image_pixels, settings.max_aspect_ratio)
        self._decoders = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="decode")
        self._unavailable: dict[str, str] = {}
        for name, rubric in rubrics.items():
            try:
                engine.question(rubric.prompt, rubric.readout.labels)
            except QuestionError as error:
                self._unavailable[name] = f"{error.field}: {error}"
                log.warning("rubric %s is not available with this model: %s: %s", name, error.field, error)

    async def warm_up(self) -> None:
        """Asks one available rubric about a grey frame, so that the first client does not wait."""
        size_px = self._engine.info.input_size_px
        for name, rubric in self._rubrics.items():
            if name not in self._unavailable:
                question = self._engine.question(rubric.prompt, rubric.readout.labels)
                await self._engine.ask(Image.new("RGB", (size_px, size_px), "grey"), question)
                return

    async def score(self, request: ScoreRequest) -> ScoreResponse:
        """Scores each image of a request; one bad image costs the others nothing.

        Raises:
            InvalidRequestError: too many images, an unknown rubric, or one that the model cannot answer.
            EngineDeadError: the engine died.
        """
        limit = self._settings.max_images_per_request
        if len(request.images) > limit:
            raise InvalidRequestError(
                f"{len(request.images)} images in one request; the limit is {limit}",
                param="images",
                code="too_many_images",
            )
        rubric, question = self._resolve(request.rubric)
        started = time.perf_counter()
        loop = asyncio.get_running_loop()
        frames = await asyncio.gather(
            *(loop.run_in_executor(self._decoders, self._prepare, text) for text in request.images)
        )
        decoded = time.perf_counter()
        async with asyncio.TaskGroup() as group:  # one failure, or a cancelled request, ends all
            tasks = [
                group.create_task(self._score_frame(index, frame, rubric, question))
                for index, frame in enumerate(frames)
            ]
        results = [task.result() for task in tasks]
        return ScoreResponse(
            id=f"score-{uuid.uuid4().hex}",
            created=int(time.time()),
            model=self._engine.info.model,
            reward_id=self.reward_id(rubric, request.preprocess),
            data=[item for item, _ in results],
            usage=Usage(
                images=len(results),
                prompt_tokens=sum(answer.prompt_tokens for _, answer in results if answer),
                completion_tokens=sum(1 for _, answer in results if answer),
            ),
            timings=Timings(queue_s=0.0, decode_s=decoded - started, engine_s=time.perf_counter() - decoded),
        )

    def reward_id(self, rubric: Rubric, preprocess: Preprocess) -> str:
        """Hash over everything that determines a reward."""
        facts = {
            "model": self._engine.info.__dict__,
            "rubric": rubric.model_dump(mode="json"),
            "preprocess": preprocess.value,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]

    def info(self) -> ServerInfo:
        """What ``GET /info`` answers."""
        rubrics = {
            name: RubricInfo(
                reward_id=None if name in self._unavailable else self.reward_id(rubric, Preprocess.PAD),
                unavailable=self._unavailable.get(name),
            )
            for name, rubric in self._rubrics.items()
        }
        limits = Limits(
            max_images_per_request=self._settings.max_images_per_request,
            max_body_bytes=self._settings.max_body_bytes,
            max_image_pixels=self._settings.max_image_pixels,
            max_aspect_ratio=self._settings.max_aspect_ratio,
        )
        return ServerInfo(**self._engine.info.__dict__, rubrics=rubrics, limits=limits)

    def _resolve(self, asked: str | Rubric) -> tuple[Rubric, Question]:
        if isinstance(asked, str):
            if asked not in self._rubrics:
                raise InvalidRequestError(
                    f"unknown rubric {asked[:80]!r}; this server has: {', '.join(self._rubrics)}",
                    param="rubric",
                    code="unknown_rubric",
                )
            if reason := self._unavailable.get(asked):
                raise InvalidRequestError(
                    f"the rubric {asked!r} is not available with this model: {reason}",
                    param="rubric",
                    code="rubric_unavailable",
                )
            rubric = self._rubrics[asked]
        else:
            rubric = asked
        try:
            return rubric, self._engine.question(rubric.prompt, rubric.readout.labels)
        except QuestionError as error:
            param = f"rubric.{error.field}"
            raise InvalidRequestError(str(error), param=param, code="invalid_rubric") from error

    def _prepare(self, text: str) -> Image.Image | FrameError:
        try:
            image = decode_frame(text, self._limits)
        except FrameError as error:
            return error
        return pad_to_square(image, self._engine.info.input_size_px)

    async def _score_frame(
        self, index: int, frame: Image.Image | FrameError, rubric: Rubric, question: Question
    ) -> tuple[RewardItem, Answer | None]:
        if isinstance(frame, FrameError):
            return _unscored(index, ItemStatus.INVALID_FRAME, str(frame)), None
        try:
            answer = await self._engine.ask(frame, question)
        except EngineFrameError as error:
            return _unscored(index, ItemStatus.FAILED, str(error)), None
        if any(math.isnan(p) for p in answer.logprobs.values()) or max(answer.logprobs.values()) == -math.inf:
            return _unscored(index, ItemStatus.FAILED, "the model's probabilities are not finite"), answer
        reading = read_labels(rubric.readout, answer.logprobs)
        sufficient = reading.label_mass >= rubric.readout.min_label_mass
        item = RewardItem(
            index=index,
            reward=reward_of(rubric.reward, reading) if sufficient else None,
            status=ItemStatus.OK if sufficient else ItemStatus.LOW_LABEL_MASS,
            message=None
            if sufficient
            else f"the model gives the labels a probability of {reading.label_mass:.3g} together; "
            f"the rubric asks for {rubric.readout.min_label_mass:g}",
            value=reading.value,
            unit=rubric.unit,
            text=answer.text,
            probabilities=reading.probabilities,
            label_mass=reading.label_mass,
        )
        return item, answer


def _unscored(index: int, status: ItemStatus, message: str) -> RewardItem:
    return RewardItem(index=index, reward=None, status=status, message=message)
