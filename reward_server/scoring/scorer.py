"""Scores images: what is asked about one, and the response to a request. A small user of ``batch.py``.

Not for HTTP (``api/``), for vLLM (``engine/``) or for what an answer means (``reading/``).
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from reward_client.rubric import Rubric
from reward_client.schema import ItemStatus, RewardItem, ScoreRequest, ScoreResponse
from reward_server.engine.interface import EngineInfo, Question
from reward_server.images.prepare import PreparedImage
from reward_server.reading.score_item import reward_item, unscored
from reward_server.scoring.batch import Asker, Batcher
from reward_server.scoring.catalog import Catalog
from reward_server.scoring.reward_id import reward_id


@dataclass(frozen=True)
class _ScoreImage:
    """One image, asked the rubric's question, and again in text where an explanation is wanted."""

    rubric: Rubric
    question: Question
    in_text: Question | None
    image_names = ("",)

    async def answer(self, index: int, images: Sequence[PreparedImage], asker: Asker) -> RewardItem:
        answer = explained = await asker.ask(images, self.question)
        if self.in_text is None:
            return reward_item(index, self.rubric, answer, None)
        if self.in_text != self.question:
            explained = await asker.ask(images, self.in_text)
        return reward_item(index, self.rubric, answer, explained)

    def refused(self, index: int, status: ItemStatus, message: str) -> RewardItem:
        return unscored(index, status, message)


class Scorer:
    """Answers ``POST /score``.

    Args:
        info: of the engine.
        catalog: the rubrics.
        batcher: works on the items.
    """

    def __init__(self, info: EngineInfo, catalog: Catalog, batcher: Batcher) -> None:
        self._info, self._catalog, self._batcher = info, catalog, batcher

    async def score(self, request: ScoreRequest) -> ScoreResponse:
        """Scores each image of a request.

        Args:
            request: what is asked.

        Raises:
            InvalidRequestError: an unknown rubric, or one that the model cannot answer.
            EngineDeadError: the engine died.
        """
        if isinstance(request.rubric, Rubric):  # its 128 labels may take 0.3 s to tokenize
            rubric, question = await asyncio.to_thread(self._catalog.resolve, request.rubric)
        else:
            rubric, question = self._catalog.resolve(request.rubric)
        in_text = await asyncio.to_thread(self._catalog.in_text, rubric) if request.explain else None
        batch = await self._batcher.run(
            [[image] for image in request.images],
            _ScoreImage(rubric, question, in_text),
            size_px=self._info.input_size_px,
            preprocess=request.preprocess,
        )
        for item, (sha256,) in zip(batch.items, batch.sha256s, strict=True):
            item.image_sha256 = sha256
        return ScoreResponse(
            id=f"score-{uuid.uuid4().hex}",
            created=int(time.time()),
            model=self._info.model,
            reward_id=reward_id(self._info, rubric, request.preprocess),
            preprocess=request.preprocess,
            input_size_px=self._info.input_size_px,
            data=batch.items,
            usage=batch.usage,
            timings=batch.timings,
        )
