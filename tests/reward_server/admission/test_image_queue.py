"""The queue in front of the engine: first come, first served, bounded, and nothing leaks."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reward_client.errors import UnavailableError
from reward_server.admission.image_queue import ImageQueue


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def hold(admission: ImageQueue, images: int, release: asyncio.Event, order: list[int]) -> None:
    async with admission.admit(images):
        order.append(images)
        await release.wait()


def test_what_fits_runs_and_what_does_not_waits_its_turn() -> None:
    async def scenario() -> None:
        admission, order = ImageQueue(4, 100), list[int]()
        releases = [asyncio.Event() for _ in range(4)]
        tasks = [
            asyncio.create_task(hold(admission, images, release, order))
            for images, release in zip([3, 4, 1, 2], releases, strict=True)
        ]
        await asyncio.sleep(0.01)
        assert (order, admission.running_images, admission.queued_images) == ([3], 3, 7)
        releases[0].set()
        await asyncio.sleep(0.01)
        # 1 and 2 would have fitted beside 3, but 4 came before them
        assert (order, admission.running_images, admission.queued_images) == ([3, 4], 4, 3)
        for release in releases:
            release.set()
        await asyncio.gather(*tasks)
        assert (order, admission.running_images, admission.queued_images) == ([3, 4, 1, 2], 0, 0)

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_over_the_queues_limit_is_unavailable_with_the_drain_time() -> None:
    async def scenario() -> None:
        clock = Clock()
        admission, release = ImageQueue(4, 8, clock), asyncio.Event()
        for _ in range(3):  # 4 images a second
            async with admission.admit(4):
                clock.now += 1.0
        tasks = [asyncio.create_task(hold(admission, 4, release, [])) for _ in range(3)]
        await asyncio.sleep(0.01)
        with pytest.raises(UnavailableError) as caught:
            async with admission.admit(4):
                pass
        assert caught.value.code == "overloaded"
        assert caught.value.retry_after_s == 3.0
        release.set()
        await asyncio.gather(*tasks)

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_a_request_that_is_larger_than_the_limit_runs_alone() -> None:
    async def scenario() -> None:
        admission = ImageQueue(4, 8)
        async with admission.admit(6):
            assert admission.running_images == 6
        assert admission.running_images == 0

    asyncio.run(asyncio.wait_for(scenario(), 20))


@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3), st.booleans()), max_size=20),
    st.integers(1, 6),
    st.integers(0, 12),
)
def test_whatever_is_cancelled_no_place_is_lost_and_no_limit_passed(
    requests: list[tuple[int, int, bool]], max_running: int, max_queued: int
) -> None:
    async def one(admission: ImageQueue, images: int, turns: int) -> None:
        with contextlib.suppress(UnavailableError):
            async with admission.admit(images):
                for _ in range(turns):
                    assert admission.running_images <= max(max_running, images)
                    assert admission.queued_images <= max_queued
                    await asyncio.sleep(0)

    async def scenario() -> None:
        admission = ImageQueue(max_running, max_queued)
        tasks = []
        for images, turns, cancelled in requests:
            tasks.append(asyncio.create_task(one(admission, images, turns)))
            await asyncio.sleep(0)
            if cancelled:
                tasks[len(tasks) // 2].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(r is None or isinstance(r, asyncio.CancelledError) for r in results)
        assert (admission.running_images, admission.queued_images) == (0, 0)

    asyncio.run(asyncio.wait_for(scenario(), 20))


async def after_a_second_full(clock: Clock) -> ImageQueue:
    """A queue in front of an engine that answers 4 images a second."""
    admission = ImageQueue(4, 100, clock)
    async with admission.admit(4):
        clock.now += 1.0
    return admission


def test_what_would_be_answered_too_late_is_unavailable_with_the_time_until_it_would_not() -> None:
    async def scenario() -> None:
        admission, release = await after_a_second_full(Clock()), asyncio.Event()
        tasks = [asyncio.create_task(hold(admission, 4, release, [])) for _ in range(4)]
        await asyncio.sleep(0.01)
        with pytest.raises(UnavailableError, match=r"16 images .* 5\.0 s; .* 1\.7 s$") as caught:
            async with admission.admit(4, 2.0):
                pass
        refused = (caught.value.code, caught.value.param, caught.value.retry_after_s)
        assert refused == ("overloaded", "timeout_s", 4.0)  # 3.3 s, in whole seconds
        release.set()
        async with admission.admit(4, 6.0):
            pass
        await asyncio.gather(*tasks)

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_a_short_deadline_is_tried_where_nothing_comes_first() -> None:
    async def scenario() -> None:
        admission = await after_a_second_full(Clock())
        async with admission.admit(4, 0.1):
            assert admission.running_images == 4

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_while_no_rate_is_known_every_deadline_is_tried() -> None:
    async def scenario() -> None:
        clock, release = Clock(), asyncio.Event()
        admission = await after_a_second_full(clock)
        clock.now += 31.0
        tasks = [asyncio.create_task(hold(admission, 4, release, [])) for _ in range(2)]
        await asyncio.sleep(0.01)
        in_time = asyncio.create_task(hold(admission, 4, release, []))
        release.set()
        await asyncio.gather(*tasks, in_time)

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_the_rate_is_that_of_a_queue_too_where_its_first_does_not_fit() -> None:
    async def scenario() -> None:
        clock, releases = Clock(), [asyncio.Event(), asyncio.Event()]
        admission = ImageQueue(4, 100, clock)
        tasks = [asyncio.create_task(hold(admission, 3, release, [])) for release in releases]
        await asyncio.sleep(0.01)
        clock.now += 1.0
        releases[0].set()
        await asyncio.sleep(0.01)
        with pytest.raises(UnavailableError, match=r"would take about 1\.7 s"):  # 5 images at 3 a second
            async with admission.admit(2, 1.0):
                pass
        releases[1].set()
        await asyncio.gather(*tasks)

    asyncio.run(asyncio.wait_for(scenario(), 20))
