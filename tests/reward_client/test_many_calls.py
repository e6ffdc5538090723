"""After any mixture of load, deadlines and cancellations a client serves the next call."""

from __future__ import annotations

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from reward_client import AsyncRewardClient, RewardClient
from reward_client.errors import RequestTimeoutError
from tests.reward_client.graded import GradedEngine, graded, grey

pytestmark = pytest.mark.slow


def test_six_hundred_calls_at_once_are_all_answered() -> None:
    """The server takes 1.5 s for each, a try may take 4 s, and waiting for one's turn is not a try.

    A busy machine may need another try; a pool whose places stay taken would need more than two.
    """
    with graded(GradedEngine(delay_s=1.5), max_running_images=600) as server:

        async def run() -> None:
            async with AsyncRewardClient(
                f"http://127.0.0.1:{server.port}", timeout_s=4.0, retries=0
            ) as client:
                frames = [grey(place % 256) for place in range(600)]
                answers = await asyncio.gather(
                    *(client.score([frame], "cartpole-upright") for frame in frames)
                )
                for place, answer in enumerate(answers):
                    assert answer.data[0].reward == pytest.approx(place % 256 / 255, abs=1e-4)

        asyncio.run(run())


def test_threads_wait_for_their_turn_too() -> None:
    """The last of them wait for 6 s, and a try may take 5."""
    with (
        graded(GradedEngine(delay_s=2.0), max_running_images=400) as server,
        RewardClient(f"http://127.0.0.1:{server.port}", timeout_s=5.0, retries=0) as client,
        ThreadPoolExecutor(400) as threads,
    ):
        frames = [grey(place % 256) for place in range(400)]
        answers = threads.map(lambda frame: client.score([frame], "cartpole-upright"), frames)
        assert [a.data[0].reward for a in answers] == pytest.approx(
            [place % 256 / 255 for place in range(400)], abs=1e-4
        )


@pytest.mark.parametrize("seed", range(4))
def test_calls_that_are_cancelled_at_any_moment_leave_nothing_taken(seed: int) -> None:
    rng, engine = random.Random(seed), GradedEngine(delay_s=0.05)
    with graded(engine, max_running_images=400) as server:

        async def impatient(client: AsyncRewardClient, light: int) -> None:
            try:
                call = client.score([grey(light)], "cartpole-upright")
                answer = await asyncio.wait_for(call, rng.choice([0.0, 0.001, 0.01, 0.05, 0.2, 1.0]))
            except TimeoutError:
                return
            assert answer.data[0].reward == pytest.approx(light / 255, abs=1e-4)

        async def run() -> None:
            async with AsyncRewardClient(f"http://127.0.0.1:{server.port}", retries=0) as client:
                for _ in range(3):
                    await asyncio.gather(*(impatient(client, rng.randrange(256)) for _ in range(250)))
                # as many at once as there may be, and more: no place is taken for ever
                answers = await asyncio.wait_for(
                    asyncio.gather(*(client.score([grey(9)], "cartpole-upright") for _ in range(150))), 30
                )
                assert len(answers) == 150

        asyncio.run(run())


def test_deadlines_that_pass_leave_nothing_taken() -> None:
    engine = GradedEngine(delay_s=3.0)
    with graded(engine, max_running_images=400) as server:

        async def run() -> None:
            client = AsyncRewardClient(
                f"http://127.0.0.1:{server.port}", timeout_s=0.3, deadline_s=1.0, retries=2
            )
            async with client:
                calls = (client.score([grey(9)], "cartpole-upright") for _ in range(300))
                failures = await asyncio.gather(*calls, return_exceptions=True)
                assert {type(failure) for failure in failures} == {RequestTimeoutError}
                engine.delay_s = 0.0
                answers = await asyncio.gather(
                    *(client.score([grey(51)], "cartpole-upright") for _ in range(20)), return_exceptions=True
                )
                rewards = [getattr(answer, "data", [answer])[0] for answer in answers]
                assert all(getattr(item, "status", item) == "ok" for item in rewards), rewards

        asyncio.run(run())
