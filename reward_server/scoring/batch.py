"""What every scoring route does with its items: prepare their images, ask, count and time.

A route says what it asks about one item and what it makes of the answers (``ItemWork``). One bad item costs
the others nothing. Not for what an answer means (``reading/``).
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from reward_client.rubric import PreprocessOrRegion
from reward_client.schema import ItemStatus, Timings, Usage
from reward_server.engine.interface import Answer, EngineAnswerError, Question
from reward_server.images.decode import ImageError
from reward_server.images.prepare import ImagePreparer, PreparedImage, ReceivedImage, SentImage
from reward_server.scoring.answer_cache import AnswerCache, AskedImages
from reward_server.telemetry.engine_time import EngineTime, Share
from reward_server.telemetry.tracing import tracer

Item = TypeVar("Item")
Item_co = TypeVar("Item_co", covariant=True)


class Asker:
    """Asks about one item, and counts what it cost.

    Args:
        answers: where answers come from.
        engine_time: of what gives them.
    """

    def __init__(self, answers: AnswerCache, engine_time: EngineTime) -> None:
        self._answers, self._engine_time = answers, engine_time
        self._asked = self._known = 0
        self.prompt_tokens = self.completion_tokens = 0
        self.share = Share()

    async def ask(self, asked: AskedImages, question: Question) -> Answer:
        """The model's answer.

        Args:
            asked: the images; the same object for all questions about it.
            question: what is asked.

        Raises:
            EngineAnswerError: this question failed; the engine lives on.
            EngineDeadError: the engine died.
        """
        self._asked += 1
        with self._engine_time.under_way(self.share):
            answer, known = await self._answers.ask(asked, question)
        if known:
            self._known += 1
        else:
            self.prompt_tokens += answer.prompt_tokens
            self.completion_tokens += answer.completion_tokens
        return answer

    @property
    def all_known(self) -> bool:
        """Whether all answers about the item were given before."""
        return 0 < self._asked == self._known


class ItemWork(Protocol[Item_co]):
    """What a route does with one item."""

    @property
    def image_names(self) -> Sequence[str]:
        """What messages call an item's images; an empty name where there is only one."""

    async def answer(self, index: int, images: Sequence[PreparedImage], asker: Asker) -> Item_co:
        """Asks, and makes the item."""

    def refused(self, index: int, status: ItemStatus, message: str) -> Item_co:
        """The item of what could not be prepared or answered."""


@dataclass(frozen=True)
class Batch(Generic[Item]):
    """The items of one request, what they cost and where the time went.

    Attributes:
        sha256s: for each item the digests of its image files (``ReceivedImage.sha256``).
    """

    items: list[Item]
    sha256s: list[list[str | None]]
    usage: Usage
    timings: Timings


class Batcher:
    """Works on the items of requests.

    Args:
        answers: where answers come from.
        preparer: prepares images.
    """

    def __init__(self, answers: AnswerCache, preparer: ImagePreparer) -> None:
        self._answers, self._preparer = answers, preparer
        self._engine_time = EngineTime()

    async def run(
        self,
        items: Sequence[Sequence[SentImage]],
        work: ItemWork[Item],
        *,
        size_px: int,
        preprocess: PreprocessOrRegion,
    ) -> Batch[Item]:
        """Works on all items of one request.

        Args:
            items: for each item its images.
            work: what is done with an item.
            size_px: side of the squares that images are brought to.
            preprocess: how.

        Raises:
            EngineDeadError: the engine died.
        """
        started = time.perf_counter()
        with tracer.start_as_current_span("decode"):
            flat = [image for item in items for image in item]
            prepared = iter(await self._preparer.prepare(flat, size_px, preprocess))
            groups = [list(itertools.islice(prepared, len(item))) for item in items]
        decoded = time.perf_counter()
        askers = [Asker(self._answers, self._engine_time) for _ in items]
        with tracer.start_as_current_span("engine"):
            async with asyncio.TaskGroup() as tasks:  # one failure, or a cancelled request, ends all
                working = [
                    tasks.create_task(_one(index, group, work, asker))
                    for index, (group, asker) in enumerate(zip(groups, askers, strict=True))
                ]
        usage = Usage(
            images=len(flat),
            cached_images=sum(
                len(group) for group, asker in zip(groups, askers, strict=True) if asker.all_known
            ),
            prompt_tokens=sum(asker.prompt_tokens for asker in askers),
            completion_tokens=sum(asker.completion_tokens for asker in askers),
            engine_s=sum(asker.share.engine_s for asker in askers),
        )
        # the gate knows how long the request waited before
        timings = Timings(queue_s=0.0, decode_s=decoded - started, engine_s=time.perf_counter() - decoded)
        sha256s = [[image.sha256 for image in group] for group in groups]
        return Batch([task.result() for task in working], sha256s, usage, timings)


async def _one(index: int, images: Sequence[ReceivedImage], work: ItemWork[Item], asker: Asker) -> Item:
    bad = [
        f"{name}: {image.prepared}" if name else str(image.prepared)
        for name, image in zip(work.image_names, images, strict=True)
        if isinstance(image.prepared, ImageError)
    ]
    if bad:
        return work.refused(index, ItemStatus.INVALID_FRAME, "; ".join(bad))
    try:
        prepared = [image.prepared for image in images if isinstance(image.prepared, PreparedImage)]
        return await work.answer(index, prepared, asker)
    except EngineAnswerError as error:
        return work.refused(index, ItemStatus.FAILED, str(error))
