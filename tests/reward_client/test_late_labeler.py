"""Rewards that come late: in order, in batches, of one kind.

Not for those with asyncio (``test_async_labeler.py``).
"""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from reward_client import AsyncRewardClient, RewardClient
from reward_client.labeling.async_labeler import AsyncLabeler
from reward_client.labeling.labeler import FRAMES_PER_REQUEST, REQUESTS_IN_FLIGHT, Labeler, max_images_of
from reward_client.labeling.same_rewards import RewardsChangedError, SameRewards
from reward_client.schema import ScoreResponse
from reward_client.wording.ensemble import AnyRubric
from tests.fakes import response, server_info
from tests.reward_client.graded import graded, grey

Frames = Sequence[NDArray[np.uint8]]


def numbered(n: int) -> NDArray[np.uint8]:
    return np.full((2, 2, 3), n, dtype=np.uint8)


def numbers(frames: Frames) -> list[int]:
    return [int(frame[0, 0, 0]) for frame in frames]


class SlowestFirst:
    """Rewards a frame with its number, and the number 7 with none; early requests take the longest.

    Args:
        together: requests that must be under way before one of them is answered.
    """

    def __init__(self, together: int = 1) -> None:
        self.sizes: list[int] = []
        self.under_way, self.most = 0, 0
        self.barrier = threading.Barrier(together)
        self.lock = threading.Lock()

    def score(self, frames: Frames, rubric: AnyRubric) -> ScoreResponse:
        with self.lock:
            self.sizes.append(len(frames))
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        self.barrier.wait(20.0)
        time.sleep(0.05 / (1 + numbers(frames)[0]))
        with self.lock:
            self.under_way -= 1
        return response([None if n == 7 else float(n) for n in numbers(frames)])


def test_rewards_come_in_the_order_of_the_frames_and_in_batches() -> None:
    client = SlowestFirst()
    with Labeler(client, "r") as labeler:
        for n in range(100, 170):
            labeler.submit(numbered(n))
        pending = labeler.end_chunk()
        assert [item.reward for item in pending.result()] == list(range(100, 170))
        assert pending.done()
    assert sorted(client.sizes) == [6, 16, 16, 16, 16]


def test_four_requests_are_under_way_at_a_time() -> None:
    client = SlowestFirst(together=REQUESTS_IN_FLIGHT)
    with Labeler(client, "r", max_images=1) as labeler:
        for n in range(3 * REQUESTS_IN_FLIGHT):
            labeler.submit(numbered(n))
        labeler.end_chunk().result()
    assert client.most == REQUESTS_IN_FLIGHT


def test_done_does_not_wait() -> None:
    gate = threading.Event()

    class Held(SlowestFirst):
        def score(self, frames: Frames, rubric: AnyRubric) -> ScoreResponse:
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
