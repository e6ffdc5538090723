"""A closed loop counts only what is answered while the server is full; an open loop does not wait."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from benchmarks.bench.measuring.load import TooFewAnswersError, closed_loop, open_loop


class Served:
    """A server that takes so long for each request of three frames, and sees how many are under way."""

    def __init__(self, service_s: float = 0.001) -> None:
        self.service_s, self.under_way, self.most, self.sent = service_s, 0, 0, 0

    async def send(self, request: int) -> int:
        self.sent += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(self.service_s)
        self.under_way -= 1
        return 3


def test_so_many_requests_are_under_way_and_the_first_ones_do_not_count() -> None:
    served, looks = Served(), list[int]()

    async def run() -> int:
        window = await closed_loop(
            served.send,
            iter(range(10_000)),
            4,
            warm_up_s=0.01,
            measured_s=0.05,
            looks=lambda: looks.append(served.sent),
        )
        assert window.seconds >= 0.05
        assert window.frames == 3 * len(window.latencies_s)
        return window.frames

    frames = asyncio.run(run())
    assert served.most == 4
    began, ended = looks
    assert began > 4, "the window begins once each place was answered"
    assert 0 < frames <= 3 * (ended - began + 4)
    assert frames < 3 * served.sent


def test_the_window_ends_where_the_requests_run_out() -> None:
    async def run() -> int:
        served = Served()
        window = await closed_loop(served.send, iter(range(40)), 2, warm_up_s=0.0, measured_s=60.0)
        return window.frames

    assert 0 < asyncio.run(run()) <= 3 * 40


def test_too_few_requests_are_no_measurement() -> None:
    async def run() -> None:
        await closed_loop(Served().send, iter(range(2)), 2, warm_up_s=60.0, measured_s=1.0)

    with pytest.raises(TooFewAnswersError):
        asyncio.run(run())


def test_a_failed_request_ends_the_closed_loop() -> None:
    async def fail(request: int) -> int:
        raise ValueError("no reward")

    with pytest.raises(ExceptionGroup):
        asyncio.run(closed_loop(fail, iter(range(9)), 2, warm_up_s=0.0, measured_s=0.1))


def test_the_open_loop_sends_on_while_nothing_is_answered_and_counts_what_came_in_time() -> None:
    served = Served(service_s=0.2)

    async def send(request: int) -> int:
        if request % 2:
            raise ConnectionError
        return await served.send(request)

    async def run(deadline_s: float) -> tuple[float, float, int]:
        arrivals = await open_loop(
            send,
            range(20),
            1000.0,
            frames_per_request=5,
            deadline_s=deadline_s,
            rng=np.random.default_rng(0),
        )
        return arrivals.offered_per_s, arrivals.good_per_s, arrivals.lost

    offered, good, lost = asyncio.run(run(60.0))
    assert served.most == 10, "all that arrived were under way at once"
    assert lost == 10
    assert good == pytest.approx(offered / 2)
    _, good, lost = asyncio.run(run(0.01))
    assert (good, lost) == (0.0, 20), "an answer after the deadline is worth nothing"
