"""Scores images: from a request to its response. A small user of ``batch.py``.

Not for what is asked about one image (``score_image.py``), for HTTP (``api/``), for vLLM (``engine/``) or for
what an answer means (``reading/``).
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence

from reward_client.errors import InvalidRequestError
from reward_client.requests import ScoreQuestion
from reward_client.rubric import PreprocessOrRegion
from reward_client.schema import (
    AskedRubric,
    ImageReadings,
    ReadingsResponse,
    RewardItem,
    ScoreResponse,
)
from reward_server.engine.interface import EngineInfo
from reward_server.images.prepare import SentImage
from reward_server.images.raw_frames import RawFrame
from reward_server.scoring.batch import Batch, Batcher
from reward_server.scoring.catalog import Catalog
from reward_server.scoring.filling import check_variables
from reward_server.scoring.plan import PlannedReward, places_of, plan
from reward_server.scoring.reward_id import ensemble_id, reward_id
from reward_server.scoring.score_image import ScoreImage


class Scorer:
    """Answers ``POST /score``.

    Args:
        info: of the engine.
        catalog: the rubrics.
        batcher: works on the items.
    """

    def __init__(self, info: EngineInfo, catalog: Catalog, batcher: Batcher) -> None:
        self._info, self._catalog, self._batcher = info, catalog, batcher

    async def score(self, request: ScoreQuestion, images: Sequence[SentImage]) -> ScoreResponse:
        """Scores each image of a request that has one rubric.

        Args:
            request: what is asked.
            images: what it is asked about.

        Raises:
            InvalidRequestError: an unknown rubric, one that the model cannot answer, variables that do not go
                with its prompt and the images, or frames that were fitted to another model's input.
            EngineDeadError: the engine died.
        """
        (planned,), batch = await self._run(request, images)
        return ScoreResponse(
            id=f"score-{uuid.uuid4().hex}",
            created=int(time.time()),
            model=self._info.model,
            reward_id=self._reward_id(planned, request.preprocess),
            preprocess=request.preprocess,
            input_size_px=self._info.input_size_px,
            data=[item for (item,) in batch.items],
            usage=batch.usage,
            timings=batch.timings,
        )

    async def read(self, request: ScoreQuestion, images: Sequence[SentImage]) -> ReadingsResponse:
        """Scores each image of a request that has several rubrics.

        Args:
            request: what is asked.
            images: what it is asked about.

        Raises:
            InvalidRequestError: as ``score``; a rubric that the model cannot answer is in the response.
            EngineDeadError: the engine died.
        """
        planned, batch = await self._run(request, images)
        return ReadingsResponse(
            id=f"score-{uuid.uuid4().hex}",
            created=int(time.time()),
            model=self._info.model,
            rubrics=[
                AskedRubric(
                    name=one.name,
                    reward_id=None if one.unavailable else self._reward_id(one, request.preprocess),
                    unavailable=one.unavailable,
                )
                for one in planned
            ],
            preprocess=request.preprocess,
            input_size_px=self._info.input_size_px,
            data=[
                ImageReadings(index=index, image_sha256=sha256, readings=items)
                for index, (items, (sha256,)) in enumerate(zip(batch.items, batch.sha256s, strict=True))
            ],
            usage=batch.usage,
            timings=batch.timings,
        )

    async def _run(
        self, request: ScoreQuestion, images: Sequence[SentImage]
    ) -> tuple[list[PlannedReward], Batch[list[RewardItem]]]:
        self._check_fitted(images)
        if isinstance(request.rubric, str) and not request.explain:
            planned = plan(self._catalog, request)
        else:  # 128 labels may take 0.3 s to tokenize
            planned = await asyncio.to_thread(plan, self._catalog, request)
        check_variables(places_of(planned), request.variables, len(images))
        batch = await self._batcher.run(
            [[image] for image in images],
            ScoreImage(self._catalog, planned, request.variables, request.explain),
            size_px=self._info.input_size_px,
            preprocess=request.preprocess,
        )
        for items, (sha256,) in zip(batch.items, batch.sha256s, strict=True):
            for item in items:
                for one in (item, *(item.readings or ())):
                    one.image_sha256 = sha256
        return planned, batch

    def _reward_id(self, planned: PlannedReward, preprocess: PreprocessOrRegion) -> str:
        rubrics = [one.rubric for one in planned.rubrics]
        if planned.ensemble is None:
            return reward_id(self._info, rubrics[0], preprocess)
        return ensemble_id(self._info, planned.ensemble, rubrics, preprocess)

    def _check_fitted(self, images: Sequence[SentImage]) -> None:
        """Frames of another size would be resized twice, and their rewards be others."""
        size_px = self._info.input_size_px
        for image in images:
            if isinstance(image, RawFrame) and image.is_fitted and image.width != size_px:
                raise InvalidRequestError(
                    f"the frames were fitted to {image.width} px, but this model's input has {size_px} px",
                    param="fitted_px",
                    code="other_input_size",
                )
