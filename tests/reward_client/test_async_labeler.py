"""Rewards that come late, with asyncio: the same as with threads, and no failure is left unheard."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Sequence
from typing import Any

import pytest

from reward_client.errors import UnavailableError
from reward_client.labeling.async_labeler import AsyncLabeler
from reward_client.labeling.labeler import REQUESTS_IN_FLIGHT
from reward_client.labeling.same_rewards import RewardsChangedError
from reward_client.schema import ScoreResponse
from reward_client.wording.ensemble import AnyRubric
from tests.fakes import response
from tests.reward_client.test_late_labeler import Frames, numbered, numbers


class Asynchronous:
    """Rewards a frame with its number, and the number 7 with none.

    It answers some calls with another reward id, or not at all.
    """

    def __init__(self, ids: Sequence[str] = (), broken: bool = False) -> None:
        self.sizes: list[int] = []
        self.ids, self.broken = list(ids), broken
        self.under_way, self.most, self.cancelled = 0, 0, 0

    async def score(self, frames: Frames, rubric: AnyRubric) -> ScoreResponse:
        self.sizes.append(len(frames))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(0.5 / (1 + numbers(frames)[0]))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        self.under_way -= 1
        if self.broken:
            raise UnavailableError("gone")
        answer = response([None if n == 7 else float(n) for n in numbers(frames)])
        return answer.model_copy(update={"reward_id": self.ids.pop(0)}) if self.ids else answer


def run(work: Awaitable[None]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(work, 20.0)

    asyncio.run(bounded())


def test_asyncio_gives_the_same_rewards_in_the_same_batches() -> None:
    async def work() -> None:
        client = Asynchronous()
        async with AsyncLabeler(client, "r") as labeler:
            for n in range(100, 170):
                labeler.submit(numbered(n))
            first = labeler.end_chunk()
            labeler.submit(numbered(3))
            second = labeler.end_chunk()
            assert not first.done()
            assert [item.reward for item in await second.result()] == [3]
            assert [item.reward for item in await first.result()] == list(range(100, 170))
            assert first.done()
            assert await labeler.end_chunk().result() == []
            assert labeler.reward_id == "abc"
        assert sorted(client.sizes) == [1, 6, 16, 16, 16, 16]
        assert client.most == REQUESTS_IN_FLIGHT

    run(work())


def test_asyncio_scores_a_frame_as_it_was_and_gives_back_what_got_no_reward() -> None:
    async def work() -> None:
        buffer = numbered(0)
        async with AsyncLabeler(Asynchronous(), "r", max_images=4) as labeler:
            for n in range(10):
                buffer[:] = n
                labeler.submit(buffer)
            pending = labeler.end_chunk()
            frames = await pending.unrewarded()
            assert [item.reward for item in await pending.result()] == [*range(7), None, 8, 9]
        assert {row: numbers([frame]) for row, frame in frames.items()} == {7: [7]}

    run(work())


def test_asyncio_tells_of_failures_and_of_other_rewards() -> None:
    async def work() -> None:
        async with AsyncLabeler(Asynchronous(broken=True), "r") as labeler:
            labeler.submit(numbered(1))
            with pytest.raises(UnavailableError):
                await labeler.end_chunk().result()
        async with AsyncLabeler(Asynchronous(ids=["a", "b"]), "r") as labeler:
            labeler.submit(numbered(1))
            await labeler.end_chunk().result()
            labeler.submit(numbered(1))
            with pytest.raises(RewardsChangedError, match="a to b"):
                await labeler.end_chunk().result()

    run(work())


def test_asyncio_hears_of_every_failed_request_of_a_chunk() -> None:
    unheard = list[dict[str, Any]]()

    async def work() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: unheard.append(told))
        async with AsyncLabeler(Asynchronous(broken=True), "r", max_images=1) as labeler:
            for _ in range(3):
                labeler.submit(numbered(100))
            pending = labeler.end_chunk()
            with pytest.raises(UnavailableError):
                await pending.result()
            del pending
            gc.collect()  # a failed task that nobody asked tells of it when it goes
            await asyncio.sleep(0)

    run(work())
    gc.collect()
    assert unheard == []


def test_a_caller_that_gives_up_waiting_loses_no_reward() -> None:
    async def work() -> None:
        client = Asynchronous()
        async with AsyncLabeler(client, "r") as labeler:
            labeler.submit(numbered(0))
            pending = labeler.end_chunk()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(pending.result(), 0.01)
            assert [item.reward for item in await pending.result()] == [0]
        assert client.cancelled == 0

    run(work())


def test_closing_drops_what_is_under_way() -> None:
    async def work() -> None:
        client = Asynchronous()
        async with AsyncLabeler(client, "r", max_images=1) as labeler:
            for _ in range(REQUESTS_IN_FLIGHT + 3):
                labeler.submit(numbered(0))
            await asyncio.sleep(0.01)
        assert client.cancelled == REQUESTS_IN_FLIGHT
        assert len(client.sizes) == REQUESTS_IN_FLIGHT

    run(work())
