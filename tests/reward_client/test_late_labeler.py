"""Rewards that come late: in order, in batches, of one kind, with threads and with asyncio."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from reward_client import AsyncRewardClient, RewardClient
from reward_client.errors import UnavailableError
from reward_client.labeling.async_labeler import AsyncLabeler
from reward_client.labeling.labeler import FRAMES_PER_REQUEST, REQUESTS_IN_FLIGHT, Labeler, max_images_of
from reward_client.labeling.same_rewards import RewardsChangedError, SameRewards
from reward_client.rubric import Rubric
from reward_client.schema import ScoreResponse
from tests.fakes import response, server_info
from tests.reward_client.graded import graded, grey

Frames = Sequence[NDArray[np.uint8]]


def numbered(n: int) -> NDArray[np.uint8]:
    return np.full((2, 2, 3), n, dtype=np.uint8)


def numbers(frames: Frames) -> list[int]:
    return [int(frame[0, 0, 0]) for frame in frames]


class SlowestFirst:
    """Rewards a frame with its number, and the number 7 with none; early requests take the longest."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.under_way, self.most = 0, 0
        self.lock = threading.Lock()

    def score(self, frames: Frames, rubric: str | Rubric) -> ScoreResponse:
        with self.lock:
            self.sizes.append(len(frames))
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        time.sleep(0.05 / (1 + numbers(frames)[0]))
        with self.lock:
            self.under_way -= 1
        return response([None if n == 7 else float(n) for n in numbers(frames)])


class Asynchronous:
    """The same for asyncio, and it answers some calls with another reward id, or not at all."""

    def __init__(self, ids: Sequence[str] = (), broken: bool = False) -> None:
        self.sizes: list[int] = []
        self.ids, self.broken = list(ids), broken
        self.under_way, self.most, self.cancelled = 0, 0, 0

    async def score(self, frames: Frames, rubric: str | Rubric) -> ScoreResponse:
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


def test_rewards_come_in_the_order_of_the_frames_and_in_batches() -> None:
    client = SlowestFirst()
    with Labeler(client, "r") as labeler:
        for n in range(100, 170):
            labeler.submit(numbered(n))
        pending = labeler.end_chunk()
        assert [item.reward for item in pending.result()] == list(range(100, 170))
        assert pending.done()
    assert sorted(client.sizes) == [6, 16, 16, 16, 16]


def test_done_does_not_wait() -> None:
    gate = threading.Event()

    class Held(SlowestFirst):
        def score(self, frames: Frames, rubric: str | Rubric) -> ScoreResponse:
            assert gate.wait(20.0)
            return super().score(frames, rubric)

    with Labeler(Held(), "r") as labeler:
        labeler.submit(numbered(0))
        pending = labeler.end_chunk()
        assert not pending.done()
        gate.set()
        pending.result()
        assert pending.done()


def test_a_frame_is_scored_as_it_was_when_it_was_submitted() -> None:
    buffer = numbered(0)
    with Labeler(SlowestFirst(), "r") as labeler:
        for n in range(5):
            buffer[:] = n
            labeler.submit(buffer)
        assert [item.reward for item in labeler.end_chunk().result()] == [0, 1, 2, 3, 4]


def test_a_frame_without_a_reward_is_given_back() -> None:
    with Labeler(SlowestFirst(), "r", max_images=4) as labeler:
        for n in range(10):
            labeler.submit(numbered(n))
        frames = labeler.end_chunk().unrewarded()
    assert {row: numbers([frame]) for row, frame in frames.items()} == {7: [7]}


def test_a_server_with_other_rewards_ends_it() -> None:
    with Labeler(SlowestFirst(), "r", reward_id="other") as labeler:
        labeler.submit(numbered(1))
        with pytest.raises(RewardsChangedError, match="other to abc"):
            labeler.end_chunk().result()
        assert labeler.reward_id == "other"


def test_the_first_answer_says_the_reward_id() -> None:
    with Labeler(SlowestFirst(), "r") as labeler:
        assert labeler.reward_id is None
        labeler.submit(numbered(1))
        labeler.end_chunk().result()
        assert labeler.reward_id == "abc"


def test_of_two_answers_at_once_one_says_the_reward_id() -> None:
    for _ in range(50):
        same, barrier = SameRewards(), threading.Barrier(2)
        refused = list[str]()

        def check(
            other: str,
            same: SameRewards = same,
            barrier: threading.Barrier = barrier,
            refused: list[str] = refused,
        ) -> None:
            barrier.wait()
            try:
                same.check(other)
            except RewardsChangedError:
                refused.append(other)

        threads = [threading.Thread(target=check, args=(name,)) for name in ("a", "b")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(refused) == 1
        assert same.reward_id not in refused


def test_the_known_reward_id_travels() -> None:
    same = SameRewards()
    same.check("abc")
    arrived = pickle.loads(pickle.dumps(same))
    with pytest.raises(RewardsChangedError):
        arrived.check("other")


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


def test_both_clients_fit_their_labeler() -> None:
    async def work(url: str) -> list[float | None]:
        async with AsyncRewardClient(url) as client, AsyncLabeler(client, "cartpole-upright") as labeler:
            for light in range(40):
                labeler.submit(grey(light * 6))
            return [item.reward for item in await labeler.end_chunk().result()]

    with graded() as server:
        url = f"http://127.0.0.1:{server.port}"
        with RewardClient(url) as client, Labeler(client, "cartpole-upright") as labeler:
            for light in range(40):
                labeler.submit(grey(light * 6))
            rewards = [item.reward for item in labeler.end_chunk().result()]
        assert rewards == pytest.approx([light * 6 / 255 for light in range(40)], abs=1e-4)
        assert asyncio.run(work(url)) == rewards


def test_a_request_has_16_frames_or_as_many_as_the_server_takes() -> None:
    assert max_images_of(server_info()) == 64
    assert max_images_of(None) is None
    assert FRAMES_PER_REQUEST == 16


def test_the_base_install_is_enough() -> None:
    late = "reward_client.labeling.labeler, reward_client.labeling.async_labeler"
    modules = f"reward_client, {late}, reward_client.adapters"
    heavy = "{'gymnasium', 'torch', 'vllm', 'fastapi', 'transformers'}"
    script = f"import sys, {modules}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
