"""Scores the images of one request: take in, ask, read, map. The engine is behind a protocol.

Not for HTTP (``api/``), for vLLM (``engine/``) or for pairs (``comparer.py``).
"""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass

from reward_client.rubric import NumberReadout, Rubric
from reward_client.schema import ItemStatus, RewardItem, ScoreRequest, ScoreResponse, Timings, Usage
from reward_server.engine.interface import Answer, Engine, EngineFrameError, Generation, Question
from reward_server.images.decode import FrameError
from reward_server.images.prepare import Intake, PreparedFrame
from reward_server.reading.score_item import item_of_labels, item_of_text, unscored
from reward_server.scoring.answer_cache import AnswerCache
from reward_server.scoring.catalog import Catalog
from reward_server.scoring.reward_id import reward_id
from reward_server.telemetry.tracing import tracer

EXPLAIN_MAX_TOKENS = 64


@dataclass(frozen=True)
class _Asked:
    """What one request asks of each frame."""

    rubric: Rubric
    question: Question
    explain: bool
    key: bytes


@dataclass(frozen=True)
class _Scored:
    """An item and what it cost."""

    item: RewardItem
    cached: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Scorer:
    """Scores requests with one engine.

    Args:
        engine: a ready engine.
        catalog: the rubrics.
        intake: decodes images.
        cache: answers given before.
    """

    def __init__(self, engine: Engine, catalog: Catalog, intake: Intake, cache: AnswerCache) -> None:
        self._engine, self._catalog, self._intake, self._cache = engine, catalog, intake, cache

    async def score(self, request: ScoreRequest, queue_s: float = 0.0) -> ScoreResponse:
        """Scores each image of a request; one bad image costs the others nothing.

        Args:
            request: what is asked.
            queue_s: how long it waited before, for its timings.

        Raises:
            InvalidRequestError: an unknown rubric, or one that the model cannot answer.
            EngineDeadError: the engine died.
        """
        if isinstance(request.rubric, Rubric):  # its 128 labels may take 0.3 s to tokenize
            rubric, question = await asyncio.to_thread(self._catalog.resolve, request.rubric)
        else:
            rubric, question = self._catalog.resolve(request.rubric)
        answers_id = reward_id(self._engine.info, rubric, request.preprocess)
        asked = _Asked(rubric, question, request.explain, f"{answers_id}{request.explain:d}".encode())
        size_px = self._engine.info.input_size_px
        started = time.perf_counter()
        with tracer.start_as_current_span("decode"):
            frames = await self._intake.prepare(request.images, size_px, request.preprocess)
        decoded = time.perf_counter()
        with tracer.start_as_current_span("engine"):
            async with asyncio.TaskGroup() as group:  # one failure, or a cancelled request, ends all
                tasks = [
                    group.create_task(self._score_frame(index, frame, asked))
                    for index, frame in enumerate(frames)
                ]
        results = [task.result() for task in tasks]
        return ScoreResponse(
            id=f"score-{uuid.uuid4().hex}",
            created=int(time.time()),
            model=self._engine.info.model,
            reward_id=answers_id,
            preprocess=request.preprocess,
            input_size_px=size_px,
            data=[result.item for result in results],
            usage=Usage(
                images=len(results),
                cached_images=sum(result.cached for result in results),
                prompt_tokens=sum(result.prompt_tokens for result in results),
                completion_tokens=sum(result.completion_tokens for result in results),
            ),
            timings=Timings(
                queue_s=queue_s, decode_s=decoded - started, engine_s=time.perf_counter() - decoded
            ),
        )

    async def _score_frame(self, index: int, frame: PreparedFrame | FrameError, asked: _Asked) -> _Scored:
        if isinstance(frame, FrameError):
            return _Scored(unscored(index, ItemStatus.INVALID_FRAME, str(frame)))
        key = asked.key + frame.digest
        if known := self._cache.get(key):
            item = RewardItem.model_validate_json(known)
            return _Scored(item.model_copy(update={"index": index}), cached=True)
        try:
            scored = await self._ask(index, frame, asked)
        except EngineFrameError as error:
            return _Scored(unscored(index, ItemStatus.FAILED, str(error)))
        if scored.item.status is not ItemStatus.FAILED:
            self._cache.put(key, scored.item.model_dump_json().encode())
        return scored

    async def _ask(self, index: int, frame: PreparedFrame, asked: _Asked) -> _Scored:
        images, readout = [frame.image], asked.rubric.readout
        parts: list[Answer | Generation] = []
        if isinstance(readout, NumberReadout):
            generation = await self._engine.generate(images, asked.question, readout.max_tokens)
            item = item_of_text(index, asked.rubric, generation, explain=asked.explain)
            parts = [generation]
        else:
            answer, explained = await self._engine.ask(images, asked.question), None
            parts = [answer]
            if asked.explain:
                explained = await self._engine.generate(images, asked.question, EXPLAIN_MAX_TOKENS)
                parts.append(explained)
            item = item_of_labels(index, asked.rubric, readout, answer, explained)
        return _Scored(
            item,
            prompt_tokens=sum(part.prompt_tokens for part in parts),
            completion_tokens=sum(part.completion_tokens for part in parts),
        )
