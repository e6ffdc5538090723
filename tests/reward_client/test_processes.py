"""Clients that travel: over a fork, in a pickle, from one event loop to the next."""

from __future__ import annotations

import asyncio
import copy
import multiprocessing
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Iterator

import cloudpickle
import pytest

from reward_client import AsyncRewardClient, RewardClient
from reward_client.errors import ServerUnreachableError
from tests.reward_client.graded import graded, grey


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with graded() as server:
        yield f"http://127.0.0.1:{server.port}"


def run(script: str, url: str, warnings: str = "error") -> str:
    """Runs a program of its own: to fork a process with threads, such as ours, may hang it."""
    program = [sys.executable, "-W", warnings, "-c", textwrap.dedent(script), url]
    done = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


CHILDREN = """
    import asyncio, multiprocessing, sys
    import numpy as np
    from reward_client import AsyncRewardClient, RewardClient

    def rewards(score, first):
        wrong = 0
        for light in range(first, first + 40):
            frame = np.full((32, 32, 3), light, np.uint8)
            wrong += abs(score([frame], "cartpole-upright").data[0].reward - light / 255) > 1e-4
        return wrong
"""


def test_forked_processes_get_their_own_rewards(url: str) -> None:
    script = (
        CHILDREN
        + """
    client = RewardClient(sys.argv[1], retries=0)
    assert rewards(client.score, 0) == 0
    context = multiprocessing.get_context("fork")
    wrong = context.SimpleQueue()
    children = [
        context.Process(target=lambda first=first: wrong.put(rewards(client.score, first)))
        for first in (0, 50, 100, 150)
    ]
    [child.start() for child in children]
    here = rewards(client.score, 200)
    counts = [wrong.get() for _ in children]
    [child.join() for child in children]
    print(here, counts, [child.exitcode for child in children])
    client.close()
    """
    )
    assert run(script, url) == "0 [0, 0, 0, 0] [0, 0, 0, 0]"


def test_forked_processes_of_an_asynchronous_client_get_their_own_rewards(url: str) -> None:
    script = (
        CHILDREN
        + """
    client = AsyncRewardClient(sys.argv[1], retries=0)

    async def many(first):
        async def one(light):
            frame = np.full((32, 32, 3), light, np.uint8)
            return abs((await client.score([frame], "cartpole-upright")).data[0].reward - light / 255) > 1e-4
        wrong = sum(await asyncio.gather(*(one(light) for light in range(first, first + 40))))
        await client.close()
        return wrong

    async def parent():
        await client.info()  # leaves a connection open
        context = multiprocessing.get_context("fork")
        wrong = context.SimpleQueue()

        def child(first):
            asyncio._set_running_loop(None)  # the parent's
            wrong.put(asyncio.run(many(first)))

        children = [context.Process(target=child, args=(first,)) for first in (0, 60, 120)]
        [process.start() for process in children]
        here = await many(180)
        print(here, [wrong.get() for _ in children])
        [process.join() for process in children]

    asyncio.run(parent())
    """
    )
    assert run(script, url) == "0 [0, 0, 0]"


def test_a_vector_environment_that_forks_scores_in_its_processes(url: str) -> None:
    script = """
    import sys
    import gymnasium as gym
    import numpy as np
    from reward_client import RewardClient

    client = RewardClient(sys.argv[1], retries=0)
    client.info()

    class Scored(gym.Env):
        observation_space, action_space = gym.spaces.Box(0, 255, (1,)), gym.spaces.Discrete(256)

        def reset(self, **_options):
            return np.zeros(1, np.float32), {}

        def step(self, action):
            frame = np.full((32, 32, 3), int(action), np.uint8)
            reward = client.score([frame], "cartpole-upright").data[0].reward
            return np.zeros(1, np.float32), reward, False, False, {}

    if __name__ == "__main__":
        envs = gym.vector.AsyncVectorEnv([Scored] * 4, context="fork")
        envs.reset()
        worst = 0.0
        for step in range(20):
            lights = np.arange(4) * 60 + step
            _, rewards, *_ = envs.step(lights)
            worst = max(worst, abs(rewards - lights / 255).max())
        envs.close()
        print(worst < 1e-4)
        client.close()
    """
    assert run(script, url) == "True"


@pytest.mark.parametrize(
    "copied",
    [
        lambda client: pickle.loads(pickle.dumps(client)),
        lambda client: cloudpickle.loads(cloudpickle.dumps(client)),
        copy.deepcopy,
        copy.copy,
    ],
)
@pytest.mark.parametrize("kind", [RewardClient, AsyncRewardClient])
def test_a_copy_works_on_its_own(url: str, copied: object, kind: type) -> None:
    original = kind(url, timeout_s=7.0, api_key="k")
    other = copied(original)  # type: ignore[operator]

    async def ask(client: AsyncRewardClient) -> float | None:
        async with client:
            return (await client.score([grey(51)], "cartpole-upright")).data[0].reward

    if kind is AsyncRewardClient:
        assert asyncio.run(ask(original)) == asyncio.run(ask(other)) == pytest.approx(0.2, abs=1e-4)
        return
    with original:
        assert original.score([grey(51)], "cartpole-upright").data[0].reward == pytest.approx(0.2, abs=1e-4)
    with other:
        assert other.score([grey(102)], "cartpole-upright").data[0].reward == pytest.approx(0.4, abs=1e-4)


def reward_of(client: RewardClient) -> float | None:
    with client:
        return client.score([grey(153)], "cartpole-upright").data[0].reward


def test_a_client_travels_to_a_spawned_process(url: str) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool, RewardClient(url) as client:
        assert pool.apply(reward_of, (client,)) == pytest.approx(0.6, abs=1e-4)


def test_an_asynchronous_client_serves_one_loop_after_another(url: str) -> None:
    script = (
        CHILDREN
        + """
    client = AsyncRewardClient(sys.argv[1], retries=0)
    print(sum(rewards(lambda *arguments: asyncio.run(client.score(*arguments)), first) for first in (0, 200)))
    """
    )
    # each loop's connection is left open, of which Python would warn
    assert run(script, url, warnings="ignore") == "0"


def test_closing_in_one_loop_leaves_the_next_one_usable(url: str) -> None:
    client = AsyncRewardClient(url, retries=0)

    async def ask() -> str:
        async with client:
            return (await client.info()).model

    assert asyncio.run(ask()) == asyncio.run(ask()) == "fake"


def test_a_closed_client_says_so(url: str) -> None:
    client, asynchronous = RewardClient(url), AsyncRewardClient(url)

    async def use() -> None:
        await asynchronous.close()
        await asynchronous.info()

    client.close()
    with pytest.raises(ServerUnreachableError, match="the client is closed"):
        client.info()
    with pytest.raises(ServerUnreachableError, match="the client is closed"):
        asyncio.run(use())


def test_loops_that_are_closed_leave_nothing_open(url: str) -> None:
    script = """
    import asyncio, gc, os, sys
    from reward_client import AsyncRewardClient

    client = AsyncRewardClient(sys.argv[1], retries=0)
    for _ in range(40):
        asyncio.run(client.info())
    gc.collect()
    print(len(os.listdir("/proc/self/fd")) < 20)
    """
    assert run(script, url, warnings="ignore") == "True"


def test_closing_ends_an_asynchronous_clients_pauses(url: str) -> None:
    async def use() -> float:
        client = AsyncRewardClient("http://127.0.0.1:9", retries=None)
        call = asyncio.create_task(client.info())
        await asyncio.sleep(2.0)  # by now it pauses
        started = asyncio.get_running_loop().time()
        await client.close()
        with pytest.raises(ServerUnreachableError):
            await call
        return asyncio.get_running_loop().time() - started

    assert asyncio.run(use()) < 0.2


def test_a_look_at_the_server_waits_for_no_turn(url: str) -> None:
    client = RewardClient(url)
    slots = client._own().slots
    while slots.acquire(blocking=False):
        pass  # as if all were taken
    assert client.is_ready()
    client.close()
