"""Readiness tells the truth: about hangs, failures and idle times."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest
from PIL import Image

from reward_client.errors import UnavailableError
from reward_server.engine.health import Health, WatchedEngine
from reward_server.engine.interface import EngineAnswerError, EngineDeadError
from reward_server.service import Rewarder, Service
from reward_server.settings import Settings
from tests.fakes import FakeEngine

FRAME = [Image.new("RGB", (32, 32))]


async def until(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - health has no event to wait for
            await asyncio.sleep(0.005)


class Scene:
    """An engine that is watched."""

    def __init__(self) -> None:
        self.fake = FakeEngine()
        self.health = Health(idle_s=0.04, stuck_s=0.15)
        self.engine = WatchedEngine(self.fake, self.health)

    async def ask(self) -> None:
        await self.engine.ask(FRAME, self.engine.question("?", ["a", "b"]))


def watched(story: Callable[[Scene], Awaitable[None]]) -> None:
    async def run() -> None:
        scene = Scene()
        watch = asyncio.create_task(scene.health.watch(scene.ask, lambda: False))
        try:
            await story(scene)
        finally:
            watch.cancel()

    asyncio.run(run())


def test_an_idle_engine_is_asked_and_stays_ready() -> None:
    async def story(scene: Scene) -> None:
        await until(lambda: len(scene.fake.asked) >= 3)
        assert scene.health.trouble() is None

    watched(story)


def test_an_engine_that_hangs_is_unready_until_it_answers() -> None:
    async def story(scene: Scene) -> None:
        scene.fake.hanging = True
        await until(lambda: scene.health.trouble() is not None)
        scene.fake.hanging = False
        await until(lambda: scene.health.trouble() is None)

    watched(story)


def test_requests_that_give_up_do_not_hide_a_hang() -> None:
    async def story(scene: Scene) -> None:
        scene.fake.hanging = True

        async def impatient() -> None:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.03):
                        await scene.ask()

        clients = [asyncio.create_task(impatient()) for _ in range(3)]
        await until(lambda: scene.health.trouble() is not None)
        for _ in range(20):
            assert scene.health.trouble() is not None
            await asyncio.sleep(0.01)
        for client in clients:
            client.cancel()

    watched(story)


def test_an_engine_that_fails_every_frame_is_unready() -> None:
    async def story(scene: Scene) -> None:
        scene.fake.failing = True

        async def trying() -> None:
            while True:
                with contextlib.suppress(EngineAnswerError):
                    await scene.ask()
                await asyncio.sleep(0.01)

        client = asyncio.create_task(trying())
        await until(lambda: scene.health.trouble() is not None)
        scene.fake.failing = False
        await until(lambda: scene.health.trouble() is None)
        client.cancel()

    watched(story)


def test_a_busy_engine_that_answers_is_ready() -> None:
    async def story(scene: Scene) -> None:
        for _ in range(40):  # always one question open
            with scene.health.asking():
                await scene.ask()
                await asyncio.sleep(0.01)
            assert scene.health.trouble() is None

    watched(story)


def test_an_engine_that_died_ends_the_watch() -> None:
    async def run() -> None:
        scene = Scene()
        scene.fake.dead = True
        with pytest.raises(EngineDeadError):
            await scene.health.watch(scene.ask, lambda: False)

    asyncio.run(run())


def test_the_watch_sees_an_engine_that_says_it_is_dead() -> None:
    async def run() -> None:
        scene = Scene()
        with pytest.raises(EngineDeadError, match="died"):
            await asyncio.wait_for(scene.health.watch(scene.ask, lambda: True), 5)

    asyncio.run(run())


def test_a_load_that_failed_is_not_called_a_dead_engine() -> None:
    async def load() -> Rewarder:
        raise ValueError("no such weights")

    failures: list[BaseException] = []
    service = Service(load, failures.append, Settings())
    asyncio.run(service.run())
    with pytest.raises(UnavailableError, match="could not be loaded") as caught:
        service.check_ready()
    assert caught.value.code == "load_failed"
    assert str(failures[0]) == "no such weights"
