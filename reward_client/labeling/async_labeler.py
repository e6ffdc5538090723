"""The labeler for asyncio: the synchronous one's twin.

    async with AsyncLabeler(client, "cartpole-upright") as labeler:
        labeler.submit(frame)               # returns at once
        pending = labeler.end_chunk()
        rewards = [item.reward for item in await pending.result()]

It belongs to one event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from reward_client.labeling.chunks import Chunks
from reward_client.labeling.labeler import (
    REQUESTS_IN_FLIGHT,
    Scored,
    frames_per_request,
    items_of,
    unrewarded_of,
)
from reward_client.schema import RewardItem, ScoreResponse
from reward_client.wording.ensemble import AnyRubric
from reward_client.wording.given_rubric import GivenRubric, checked_rubric


class AsyncScores(Protocol):
    """What the labeler needs of a reward server; ``reward_client.AsyncRewardClient`` has it."""

    async def score(self, frames: Sequence[NDArray[np.uint8]], rubric: AnyRubric) -> ScoreResponse:
        """Scores frames in one request."""


class AsyncPendingLabels:
    """The rewards of one chunk, some of them still on their way."""

    def __init__(self, sent: Sequence[asyncio.Task[Scored]]) -> None:
        self._sent = sent

    def done(self) -> bool:
        """Whether ``result`` would not wait."""
        return all(task.done() for task in self._sent)

    async def result(self) -> list[RewardItem]:
        """Waits for them. A caller that is cancelled meanwhile may wait again.

        Returns:
            One item per frame, in the order of submission, whatever the order of the answers.

        Raises:
            RewardServiceError: a request failed for good.
            RewardsChangedError: the server was replaced by one with other rewards.
        """
        return items_of(await self._answered())

    async def unrewarded(self) -> dict[int, NDArray[np.uint8]]:
        """The frames that got no reward, ``(H, W, 3)`` uint8 RGB by row. Waits for the rewards."""
        return unrewarded_of(await self._answered())

    async def _answered(self) -> list[Scored]:
        if self._sent:
            await asyncio.wait(self._sent)  # unlike gather, it does not cancel the requests with the caller
        return [task.result() for task in self._sent]


class AsyncLabeler(Chunks[asyncio.Task[Scored], AsyncPendingLabels]):
    """Sends frames in requests, 4 in flight at a time, and hands back their rewards in order.

    Args:
        client: where frames are scored.
        rubric: what to ask, as the client takes it.
        reward_id: that of the rewards that the run has already; None at its beginning.
        max_images: images that the server takes in one request (``/info``); None where it is not known.

    Raises:
        RubricContentError: what is to be asked is no rubric.
    """

    def __init__(
        self,
        client: AsyncScores,
        rubric: GivenRubric,
        reward_id: str | None = None,
        max_images: int | None = None,
    ) -> None:
        super().__init__(frames_per_request(max_images), reward_id)
        self._client, self._rubric = client, checked_rubric(rubric)
        self._under_way = set[asyncio.Task[Scored]]()
        self._slots = asyncio.Semaphore(REQUESTS_IN_FLIGHT)

    def _start(self, frames: Sequence[NDArray[np.uint8]]) -> asyncio.Task[Scored]:
        task = asyncio.get_running_loop().create_task(self._score(frames))
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return task

    def _pending(self, sent: Sequence[asyncio.Task[Scored]]) -> AsyncPendingLabels:
        return AsyncPendingLabels(sent)

    def _ended(self, task: asyncio.Task[Scored]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # heard of, so that asyncio does not print it where an earlier one is raised

    async def _score(self, frames: Sequence[NDArray[np.uint8]]) -> Scored:
        async with self._slots:
            answer = await self._client.score(frames, self._rubric)
        self._same.check(answer.reward_id)
        return Scored.of(answer, frames)

    async def close(self) -> None:
        """Drops what was not answered yet."""
        under_way = list(self._under_way)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    async def __aenter__(self) -> AsyncLabeler:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
