"""Compares pairs of images: what is asked about one, and the response. A small user of ``batch.py``.

Not for the questions or for what both orders mean (``reading/comparison.py``).
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from reward_client.schema import CompareRequest, CompareResponse, ComparisonItem, ItemStatus
from reward_server.engine.interface import EngineInfo, Question
from reward_server.images.compose import pair_side_px
from reward_server.images.prepare import PreparedImage, side_by_side
from reward_server.reading.comparison import ComparisonQuestion, comparison_item, not_compared
from reward_server.scoring.answer_cache import AskedImages
from reward_server.scoring.batch import Asker, Batcher
from reward_server.scoring.catalog import Catalog
from reward_server.scoring.reward_id import comparison_id


@dataclass(frozen=True)
class _ComparePair:
    """One pair, asked about in both orders."""

    comparison: ComparisonQuestion
    question: Question
    size_px: int
    image_names = ("first", "second")

    async def answer(self, index: int, images: Sequence[PreparedImage], asker: Asker) -> ComparisonItem:
        first, second = images
        as_sent, swapped = await asyncio.gather(
            asker.ask(self._shown(first, second), self.question),
            asker.ask(self._shown(second, first), self.question),
        )
        return comparison_item(index, self.comparison, as_sent, swapped)

    def _shown(self, before: PreparedImage, after: PreparedImage) -> AskedImages:
        """What the model gets, which is one image where it takes only one a prompt."""
        composed = self.comparison.composed
        return AskedImages([side_by_side(before, after, self.size_px)] if composed else [before, after])

    def refused(self, index: int, status: ItemStatus, message: str) -> ComparisonItem:
        return not_compared(index, status, message)


class Comparer:
    """Answers ``POST /compare``.

    Args:
        info: of the engine.
        catalog: the rubrics.
        batcher: works on the items.
    """

    def __init__(self, info: EngineInfo, catalog: Catalog, batcher: Batcher) -> None:
        self._info, self._catalog, self._batcher = info, catalog, batcher

    async def compare(self, request: CompareRequest) -> CompareResponse:
        """Compares each pair of a request.

        Args:
            request: what is asked.

        Raises:
            InvalidRequestError: an unknown rubric or one without a goal, or a model
                that cannot be asked.
            EngineDeadError: the engine died.
        """
        comparison, question = await asyncio.to_thread(self._catalog.resolve_comparison, request.rubric)
        size_px = self._info.input_size_px
        batch = await self._batcher.run(
            [[pair.first, pair.second] for pair in request.pairs],
            _ComparePair(comparison, question, size_px),
            size_px=pair_side_px(size_px) if comparison.composed else size_px,
            preprocess=request.preprocess,
        )
        for item, (first, second) in zip(batch.items, batch.sha256s, strict=True):
            item.first_sha256, item.second_sha256 = first, second
        return CompareResponse(
            id=f"compare-{uuid.uuid4().hex}",
            created=int(time.time()),
            model=self._info.model,
            reward_id=comparison_id(self._info, comparison, request.preprocess),
            preprocess=request.preprocess,
            input_size_px=size_px,
            composed=comparison.composed,
            data=batch.items,
            usage=batch.usage,
            timings=batch.timings,
        )
