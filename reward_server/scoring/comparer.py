"""Compares the pairs of one request: take in, ask in both orders, combine.

Not for the questions or for what both orders mean (``reading/comparison.py``).
"""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from dataclasses import dataclass
from typing import Literal

from PIL import Image

from reward_client.schema import (
    CompareRequest,
    CompareResponse,
    ComparisonItem,
    ItemStatus,
    Ordering,
    Timings,
    Usage,
)
from reward_server.engine.interface import Answer, Engine, EngineFrameError, Question
from reward_server.images.decode import FrameError
from reward_server.images.fit import compose_pair, pair_side_px
from reward_server.images.prepare import Intake, PreparedFrame
from reward_server.reading.comparison import ComparisonQuestion, combine, preferred
from reward_server.reading.readouts import read_labels
from reward_server.reading.score_item import has_no_probabilities, low_mass_message
from reward_server.scoring.answer_cache import AnswerCache
from reward_server.scoring.catalog import Catalog
from reward_server.scoring.reward_id import comparison_id
from reward_server.telemetry.tracing import tracer

Prepared = PreparedFrame | FrameError


@dataclass(frozen=True)
class _Asked:
    comparison: ComparisonQuestion
    question: Question
    key: bytes


@dataclass(frozen=True)
class _Compared:
    item: ComparisonItem
    cached: bool = False
    answers: tuple[Answer, ...] = ()


class Comparer:
    """Compares pairs with one engine.

    Args:
        engine: a ready engine.
        catalog: the rubrics.
        intake: decodes images.
        cache: answers given before.
    """

    def __init__(self, engine: Engine, catalog: Catalog, intake: Intake, cache: AnswerCache) -> None:
        self._engine, self._catalog, self._intake, self._cache = engine, catalog, intake, cache

    async def compare(self, request: CompareRequest, queue_s: float = 0.0) -> CompareResponse:
        """Asks about each pair in both orders; one bad pair costs the others nothing.

        Args:
            request: what is asked.
            queue_s: how long it waited before, for its timings.

        Raises:
            InvalidRequestError: an unknown rubric or one without a goal, or a model
                that cannot be asked.
            EngineDeadError: the engine died.
        """
        comparison, question = await asyncio.to_thread(self._catalog.resolve_comparison, request.rubric)
        answers_id = comparison_id(self._engine.info, comparison, request.preprocess)
        asked = _Asked(comparison, question, answers_id.encode())
        size_px = self._engine.info.input_size_px
        side_px = pair_side_px(size_px) if comparison.composed else size_px
        images = [image for pair in request.pairs for image in (pair.first, pair.second)]
        started = time.perf_counter()
        with tracer.start_as_current_span("decode"):
            frames = await self._intake.prepare(images, side_px, request.preprocess)
        decoded = time.perf_counter()
        with tracer.start_as_current_span("engine"):
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._compare_pair(index, first, second, asked))
                    for index, (first, second) in enumerate(zip(frames[::2], frames[1::2], strict=True))
                ]
        results = [task.result() for task in tasks]
        answers = [answer for result in results for answer in result.answers]
        return CompareResponse(
            id=f"compare-{uuid.uuid4().hex}",
            created=int(time.time()),
            model=self._engine.info.model,
            reward_id=answers_id,
            preprocess=request.preprocess,
            input_size_px=size_px,
            composed=comparison.composed,
            data=[result.item for result in results],
            usage=Usage(
                images=len(images),
                cached_images=2 * sum(result.cached for result in results),
                prompt_tokens=sum(answer.prompt_tokens for answer in answers),
                completion_tokens=sum(answer.completion_tokens for answer in answers),
            ),
            timings=Timings(
                queue_s=queue_s, decode_s=decoded - started, engine_s=time.perf_counter() - decoded
            ),
        )

    async def _compare_pair(self, index: int, first: Prepared, second: Prepared, asked: _Asked) -> _Compared:
        if isinstance(first, FrameError) or isinstance(second, FrameError):
            reasons = [
                f"{name}: {frame}"
                for name, frame in (("first", first), ("second", second))
                if isinstance(frame, FrameError)
            ]
            return _Compared(_not_compared(index, ItemStatus.INVALID_FRAME, "; ".join(reasons)))
        key = asked.key + hashlib.blake2b(first.digest + second.digest, digest_size=16).digest()
        if known := self._cache.get(key):
            item = ComparisonItem.model_validate_json(known)
            return _Compared(item.model_copy(update={"index": index}), cached=True)
        orders = ((first.image, second.image), (second.image, first.image))
        try:
            answers = await asyncio.gather(*(self._ask(*order, asked) for order in orders))
        except EngineFrameError as error:
            return _Compared(_not_compared(index, ItemStatus.FAILED, str(error)))
        item = _item(index, asked.comparison, answers[0], answers[1])
        if item.status is not ItemStatus.FAILED:
            self._cache.put(key, item.model_dump_json().encode())
        return _Compared(item, answers=tuple(answers))

    async def _ask(self, shown_first: Image.Image, shown_second: Image.Image, asked: _Asked) -> Answer:
        images = [shown_first, shown_second]
        if asked.comparison.composed:
            images = [compose_pair(shown_first, shown_second, self._engine.info.input_size_px)]
        return await self._engine.ask(images, asked.question)


def _not_compared(index: int, status: ItemStatus, message: str) -> ComparisonItem:
    return ComparisonItem(index=index, preference=None, status=status, message=message)


def _item(index: int, comparison: ComparisonQuestion, as_sent: Answer, swapped: Answer) -> ComparisonItem:
    if has_no_probabilities(as_sent) or has_no_probabilities(swapped):
        return _not_compared(index, ItemStatus.FAILED, "the model's probabilities are not finite")
    orders = [_ordering("first", comparison, as_sent), _ordering("second", comparison, swapped)]
    mass, wanted = min(order.label_mass for order in orders), comparison.readout.min_label_mass
    if mass < wanted:
        return ComparisonItem(
            index=index,
            preference=None,
            status=ItemStatus.LOW_LABEL_MASS,
            message=low_mass_message(mass, wanted),
            orders=orders,
        )
    probability, preference, consistent = combine(orders)
    return ComparisonItem(
        index=index,
        preference=preference,
        probability=probability,
        consistent=consistent,
        status=ItemStatus.OK,
        orders=orders,
    )


def _ordering(
    shown_first: Literal["first", "second"], comparison: ComparisonQuestion, answer: Answer
) -> Ordering:
    reading = read_labels(comparison.readout, answer.logprobs)
    of_shown_first = reading.probabilities[comparison.readout.labels[0]]
    probability = of_shown_first if shown_first == "first" else 1.0 - of_shown_first
    return Ordering(
        shown_first=shown_first,
        preference=preferred(probability),
        probability=probability,
        text=answer.text,
        probabilities=reading.probabilities,
        label_mass=reading.label_mass,
    )
