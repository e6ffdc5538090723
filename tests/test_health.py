"""Readiness tells the truth: about hangs, failures and idle times."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from reward_server.health import Health


async def until(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - health has no event to wait for
            await asyncio.sleep(0.005)


def watched(canary: Callable[[], Awaitable[None]], scenario: Callable[[Health], Awaitable[None]]) -> None:
    async def run() -> None:
        health = Health(canary, idle_s=0.04, stuck_s=0.1)
        watch = asyncio.create_task(health.watch())
        try:
            await scenario(health)
        finally:
            watch.cancel()

    asyncio.run(run())


def test_an_idle_engine_is_asked_and_stays_ready() -> None:
    asked = []

    async def canary() -> None:
        asked.append(1)

    async def scenario(health: Health) -> None:
        await until(lambda: len(asked) >= 3)
        assert health.trouble() is None

    watched(canary, scenario)


def test_an_engine_that_hangs_when_idle_is_unready_until_it_answers() -> None:
    hanging = asyncio.Event()

    async def canary() -> None:
        await hanging.wait()

    async def scenario(health: Health) -> None:
        await until(lambda: health.trouble() is not None)
        assert "canary" in (health.trouble() or "") or "with the engine" in (health.trouble() or "")
        hanging.set()
        await until(lambda: health.trouble() is None)

    watched(canary, scenario)


def test_a_request_that_takes_too_long_is_trouble_and_its_answer_ends_it() -> None:
    async def canary() -> None:
        raise AssertionError("a busy engine is not asked")

    async def scenario(health: Health) -> None:
        release = asyncio.Event()

        async def request() -> None:
            with health.working():
                await release.wait()

        task = asyncio.create_task(request())
        await until(lambda: "with the engine" in (health.trouble() or ""))
        release.set()
        await task
        assert health.trouble() is None

    watched(canary, scenario)


def test_a_canary_that_fails_is_trouble() -> None:
    async def canary() -> None:
        raise RuntimeError

    async def scenario(health: Health) -> None:
        await until(lambda: health.trouble() == "the canary frame failed: RuntimeError")

    watched(canary, scenario)
