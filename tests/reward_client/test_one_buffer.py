"""A frame is what it was when the call saw it, whatever its owner does with the memory afterwards."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from reward_client import AsyncRewardClient, RewardClient
from tests.reward_client.graded import graded, grey
from tests.serving import Serving


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with graded(max_images_per_request=8) as server:
        yield server


def url(server: Serving) -> str:
    return f"http://127.0.0.1:{server.port}"


def test_a_generator_may_fill_one_array_again_and_again(server: Serving) -> None:
    def frames() -> Iterator[NDArray[np.uint8]]:
        buffer = grey(0)
        for light in range(20):
            buffer[:] = 10 * light
            yield buffer

    with RewardClient(url(server)) as client:
        rewards = [item.reward for item in client.score(frames(), "cartpole-upright").data]
    assert rewards == pytest.approx([10 * light / 255 for light in range(20)], abs=1e-4)


def test_pillows_iterator_over_a_film_gives_one_object_again_and_again(server: Serving) -> None:
    pictures = [Image.fromarray(grey(light)) for light in (0, 100, 200)]
    buffer = io.BytesIO()
    pictures[0].save(buffer, "GIF", save_all=True, append_images=pictures[1:])
    with Image.open(buffer) as film, RewardClient(url(server)) as client:
        rewards = [
            item.reward for item in client.score(ImageSequence.Iterator(film), "cartpole-upright").data
        ]
    assert rewards == pytest.approx([0.0, 100 / 255, 200 / 255], abs=0.02)


def test_memory_that_changes_while_a_call_is_under_way_changes_nothing(server: Serving) -> None:
    async def ask() -> list[float | None]:
        stack = np.stack([grey(51)] * 20)
        async with AsyncRewardClient(url(server)) as client:
            call = asyncio.create_task(client.score(stack, "cartpole-upright"))
            await asyncio.sleep(0)
            stack[:] = 255
            return [item.reward for item in (await call).data]

    assert asyncio.run(ask()) == pytest.approx([0.2] * 20, abs=1e-4)


def test_a_pair_of_one_buffer(server: Serving) -> None:
    def pairs() -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        buffer = grey(0)
        for light in (0, 100, 200):
            buffer[:] = light
            yield buffer, grey(150)

    with RewardClient(url(server)) as client:
        answer = client.compare(pairs(), "cartpole-upright")
    digests = [item.first_sha256 for item in answer.data]
    assert len(set(digests)) == 3
    assert len({item.second_sha256 for item in answer.data}) == 1
