"""The asynchronous client fits and encodes frames in threads: its event loop goes on meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import pytest

from reward_client import AsyncRewardClient, fitting
from reward_client._protocol import bodies
from tests.reward_client.graded import graded, grey

GIVE_UP_S = 20.0
LIGHT = {
    "prompt": "Is it light?",
    "readout": {"type": "yes_no"},
    "reward": {"type": "probability"},
    "goal": "light",
}


class Held:
    """Stands in for a slow function: it begins, and does not end before the event loop lets it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.began, self.let_go = threading.Event(), threading.Event()

    def __call__(self, *given: Any) -> Any:
        self.began.set()
        assert self.let_go.wait(GIVE_UP_S), "the event loop was held up"
        return self.function(*given)

    async def until_it_began(self) -> None:
        assert await asyncio.to_thread(self.began.wait, GIVE_UP_S), "it was never called"


class Counting(httpx.AsyncHTTPTransport):
    """Counts the requests that send frames."""

    sent = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent += request.method == "POST"
        return await super().handle_async_request(request)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with graded() as server:
        yield f"http://127.0.0.1:{server.port}"


async def score(client: AsyncRewardClient, lights: list[int]) -> list[float | None]:
    return [item.reward for item in (await client.score([grey(one) for one in lights], LIGHT)).data]


async def compare(client: AsyncRewardClient, lights: list[int]) -> list[float | None]:
    """Which pairs came back, as the rewards of their first frames."""
    answer = await client.compare([(grey(one), grey(0)) for one in lights], LIGHT)
    return [one / 255 for one, item in zip(lights, answer.data, strict=True) if item.status == "ok"]


@dataclass(frozen=True)
class Slow:
    """A function of the client that is held, and a call that needs it."""

    held: Held
    body: Any
    call: Callable[[AsyncRewardClient, list[int]], Coroutine[Any, Any, list[float | None]]]


@pytest.fixture(params=["fitting", "encoding", "encoding pairs"])
def slow(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Slow:
    name = "fit" if request.param == "fitting" else "png_of"
    held = Held(getattr(bodies, name))
    monkeypatch.setattr(bodies, name, held)
    body = "array" if request.param == "fitting" else "png"
    return Slow(held, body, compare if request.param == "encoding pairs" else score)


def test_the_loop_goes_on_and_each_frame_keeps_its_reward(url: str, slow: Slow) -> None:
    async def run() -> list[list[float | None]]:
        async with AsyncRewardClient(url, body=slow.body) as client:
            await client.info()
            calls = [
                asyncio.create_task(slow.call(client, lights)) for lights in ([51, 102], [153], [204, 255])
            ]
            await slow.held.until_it_began()
            assert not any(one.done() for one in calls)
            slow.held.let_go.set()
            return list(await asyncio.gather(*calls))

    rewards = asyncio.run(run())
    assert [np.round(np.array(one, float), 1).tolist() for one in rewards] == [[0.2, 0.4], [0.6], [0.8, 1.0]]


def test_a_cancelled_call_sends_nothing_and_the_client_goes_on(url: str, slow: Slow) -> None:
    async def run() -> list[float | None]:
        transport = Counting()
        async with AsyncRewardClient(url, body=slow.body, transport=transport) as client:
            await client.info()
            cancelled = asyncio.create_task(slow.call(client, [51]))
            await slow.held.until_it_began()
            cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            slow.held.let_go.set()
            rewards = await slow.call(client, [102])
            assert transport.sent == 1
            return rewards

    assert asyncio.run(run()) == pytest.approx([0.4], abs=0.01)


def test_a_frame_may_be_drawn_over_while_it_is_fitted(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(fitting.fit)
    monkeypatch.setattr(bodies, "fit", held)
    frame = grey(51)

    async def run() -> float | None:
        async with AsyncRewardClient(url) as client:
            await client.info()
            call = asyncio.create_task(client.score([frame], LIGHT))
            await held.until_it_began()
            frame[:] = 255
            held.let_go.set()
            return (await call).data[0].reward

    assert asyncio.run(run()) == pytest.approx(0.2, abs=0.01)
