"""Calls of more images than a server takes at once: split by its own limits, in order, put together."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from reward_client import AsyncRewardClient, RewardClient
from reward_client.errors import InvalidAnswerError, InvalidRequestError, RequestTooLargeError
from reward_client.frames import image_file
from reward_client.schema import CompareResponse, ScoreResponse
from tests.fakes import response, server_info
from tests.reward_client.graded import graded, grey
from tests.serving import Serving


@pytest.fixture(scope="module")
def small() -> Iterator[Serving]:
    """A server that takes 8 images a request."""
    with graded(max_images_per_request=8) as server:
        yield server


def sync_call(url: str, method: str, *arguments: Any) -> Any:
    with RewardClient(url, retries=0) as client:
        return getattr(client, method)(*arguments)


def async_call(url: str, method: str, *arguments: Any) -> Any:
    async def call() -> Any:
        async with AsyncRewardClient(url, retries=0) as client:
            return await getattr(client, method)(*arguments)

    return asyncio.run(call())


both = pytest.mark.parametrize("call", [sync_call, async_call])


def check(answer: ScoreResponse, lights: list[int]) -> None:
    assert [item.index for item in answer.data] == list(range(len(lights)))
    assert [item.reward for item in answer.data] == pytest.approx([light / 255 for light in lights], abs=1e-4)
    assert answer.usage.images == len(lights)


@both
@pytest.mark.parametrize("count", [1, 8, 9, 16, 17, 64, 65])
def test_frames_are_split_by_the_servers_limit(call: Any, small: Serving, count: int) -> None:
    lights = [7 * place % 256 for place in range(count)]
    url = f"http://127.0.0.1:{small.port}"
    check(call(url, "score", [grey(light) for light in lights], "cartpole-upright"), lights)


@pytest.mark.slow
def test_five_thousand_frames_come_back_in_order(small: Serving) -> None:
    lights = [7 * place % 256 for place in range(5000)]
    frames = (grey(light) for light in lights)
    check(sync_call(f"http://127.0.0.1:{small.port}", "score", frames, "cartpole-upright"), lights)


@both
def test_pairs_are_split_too(call: Any, small: Serving) -> None:
    pairs = [(grey(10 * place), grey(200)) for place in range(11)]
    answer: CompareResponse = call(f"http://127.0.0.1:{small.port}", "compare", pairs, "cartpole-upright")
    assert [item.index for item in answer.data] == list(range(11))
    assert answer.usage.images == 22


@both
def test_frames_are_split_by_the_size_of_a_body(call: Any) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (24, 124, 124, 3), dtype=np.uint8)
    assert len(image_file(noise[0])) > 45_000  # 60,000 as base64: two a body
    with graded(max_body_bytes=65_536 + 2**17) as server:
        answer = call(f"http://127.0.0.1:{server.port}", "score", noise, "cartpole-upright")
        assert [item.reward for item in answer.data] == pytest.approx(noise.mean((1, 2, 3)) / 255, abs=0.01)
        with pytest.raises(RequestTooLargeError):  # one frame that is too large is no matter of splitting
            call(
                f"http://127.0.0.1:{server.port}",
                "score",
                np.random.default_rng(0).integers(0, 256, (1, 400, 600, 3), dtype=np.uint8),
                "cartpole-upright",
            )


def test_a_limit_that_changed_is_asked_for_again() -> None:
    with (
        graded(max_images_per_request=64) as server,
        RewardClient(f"http://127.0.0.1:{server.port}") as client,
    ):
        lights = list(range(40))
        check(client.score([grey(light) for light in lights], "cartpole-upright"), lights)
        server.service.settings.__dict__["max_images_per_request"] = 5  # as after a restart
        check(client.score([grey(light) for light in lights], "cartpole-upright"), lights)


def test_a_refusal_that_has_nothing_to_do_with_limits_is_not_split() -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        error = {"message": "no", "type": "t", "param": "rubric", "code": "unknown_rubric"}
        return httpx.Response(422, json={"error": error})

    with (
        RewardClient("http://server", transport=httpx.MockTransport(handler)) as client,
        pytest.raises(InvalidRequestError),
    ):
        client.score([grey(1)] * 4, "none")
    assert seen == ["/score"]


def test_parts_whose_rewards_are_of_different_kinds_do_not_mix() -> None:
    ids = iter(["abc", "other"])

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/info":
            info = server_info()
            info.limits.max_images_per_request, info.limits.max_body_bytes = 10, 2**20
            return httpx.Response(200, content=info.model_dump_json())
        answer = response([0.5] * len(json.loads(request.content)["images"]))
        answer.reward_id = next(ids)
        return httpx.Response(200, content=answer.model_dump_json())

    with (
        RewardClient("http://server", transport=httpx.MockTransport(handler)) as client,
        pytest.raises(InvalidAnswerError, match="changed during a call"),
    ):
        client.score([grey(1)] * 20, "cartpole-upright")


def test_a_limit_that_info_does_not_tell_is_found_and_an_end_is_found_too() -> None:
    """A proxy takes fewer bytes than the server, and two replicas tell different limits in turn."""
    asked: list[int] = []
    limits = iter([64, 32] * 50)

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/info":
            info = server_info()
            info.limits.max_images_per_request, info.limits.max_body_bytes = next(limits), 2**20
            return httpx.Response(200, content=info.model_dump_json())
        count = len(json.loads(request.content)["images"])
        asked.append(count)
        if count > 3:
            return httpx.Response(413, text="<html>nginx</html>")
        return httpx.Response(200, content=response([0.5] * count).model_dump_json())

    with RewardClient("http://server", transport=httpx.MockTransport(handler), retries=0) as client:
        assert len(client.score([grey(1)] * 20, "cartpole-upright").data) == 20
    assert len(asked) < 20
    with (
        RewardClient(
            "http://server",
            transport=httpx.MockTransport(
                lambda r: handler(r) if r.url.path == "/info" else httpx.Response(413)
            ),
        ) as client,
        pytest.raises(RequestTooLargeError),
    ):
        client.score([grey(1)] * 20, "cartpole-upright")
