"""Rewards that are handed back some steps later: in order, with their number, while acting goes on."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from numpy.typing import NDArray

from reward_client import RewardClient
from reward_client.errors import UnavailableError
from reward_client.labeling.null_rewards import NullRewardError
from reward_client.labeling.same_rewards import RewardsChangedError
from reward_client.schema import ScoreResponse
from reward_client.wording.ensemble import AnyRubric
from reward_client.wrappers import FrameInInfo, LateReward, VLMReward, vector
from tests.reward_client.shades import LENGTH, TRUE_REWARD, Shade, ShadeClient


def late(client: ShadeClient, steps: int, length: int = 100, **options: Any) -> VLMReward:
    given = {"on_null": "raise", **options}
    return VLMReward(Shade("rgb_array", length=length), client, "r", late=steps, **given)


def act(env: gym.Env[Any, Any], steps: int) -> list[dict[str, Any]]:
    """Takes steps, and begins new episodes where they end."""
    infos = []
    for _ in range(steps):
        _, reward, terminated, _, info = env.step(np.int64(0))
        assert math.isnan(float(reward))
        infos.append(info)
        if terminated:
            env.reset()
    return infos


def test_rewards_come_later_in_order_with_their_number() -> None:
    env = late(ShadeClient(), steps=100)
    env.reset()
    infos = act(env, 40)
    assert [info["transition"] for info in infos] == list(range(40))
    assert {(info["vlm_mask"], info["vlm_status"]) for info in infos} == {(False, "late")}
    assert {info["true_reward"] for info in infos} == {TRUE_REWARD}
    rewards = env.late_rewards(through=39)
    assert [one.transition for one in rewards] == list(range(40))
    assert [one.reward for one in rewards] == [11.0 + n for n in range(40)]
    assert rewards[3] == LateReward(
        transition=3, reward=14.0, true_reward=TRUE_REWARD, vlm_reward=14.0, vlm_mask=True, vlm_status="ok"
    )
    assert env.late_rewards() == []
    assert env.reward_id == "abc"
    env.close()


class Held(ShadeClient):
    """Answers while its gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: AnyRubric) -> ScoreResponse:
        assert self.gate.wait(20.0), "somebody waited for this answer"
        return super().score(frames, rubric)


def test_acting_does_not_wait_for_the_server() -> None:
    client = Held()
    env = late(client, steps=100)
    env.reset()
    act(env, 80)
    assert env.late_rewards() == []
    client.gate.set()
    assert len(env.late_rewards(through=79)) == 80
    env.close()


def test_only_the_rewards_that_are_needed_are_waited_for() -> None:
    client = Held()
    client.gate.set()
    env = late(client, steps=30)
    env.reset()
    act(env, 16)  # a full request
    env.late_rewards(through=0)
    client.gate.clear()
    act(env, 24)
    assert [one.transition for one in env.late_rewards(through=9)] == list(range(1, 10))
    client.gate.set()
    env.close()


def test_no_more_steps_are_on_their_way_than_were_said() -> None:
    client = ShadeClient(delay_s=0.05)
    env = late(client, steps=5)
    env.reset()
    for number in range(20):
        act(env, 1)
        answered = sum(len(call) for call in client.calls)
        assert number - answered < 5
    env.close()


def test_through_gives_the_same_transitions_however_fast_the_server_is() -> None:
    taken = []
    for delay_s in (0.0, 0.03):
        env = late(ShadeClient(delay_s=delay_s), steps=64)
        env.reset()
        numbers = []
        for number in range(50):
            act(env, 1)
            numbers.append([one.transition for one in env.late_rewards(through=number - 20)])
        taken.append(numbers)
        env.close()
    assert taken[0] == taken[1]
    assert taken[0] == [[]] * 20 + [[number] for number in range(30)]


def test_without_through_what_is_there_comes_without_waiting() -> None:
    env = late(ShadeClient(), steps=100)
    env.reset()
    act(env, 16)  # a full request
    ends_at, rewards = time.perf_counter() + 10, list[LateReward]()
    while not rewards and time.perf_counter() < ends_at:
        rewards = env.late_rewards()
    assert [one.transition for one in rewards] == list(range(16))
    env.close()


def test_a_frame_that_waits_is_not_drawn_over() -> None:
    client = ShadeClient()
    env = late(client, steps=10, length=3)  # the buffer is drawn over in each step, and at each reset
    env.reset()
    act(env, 6)
    assert [one.reward for one in env.late_rewards(through=5)] == [11, 12, 13, 11, 12, 13]
    env.close()


def test_nulls_are_treated_as_was_stated_in_the_order_of_the_steps() -> None:
    env = late(ShadeClient(nulls=[12]), steps=10, on_null="skip")
    env.reset()
    act(env, 3)
    skipped = env.late_rewards(through=2)
    assert [one.vlm_mask for one in skipped] == [True, False, True]
    assert math.isnan(skipped[1].reward)
    env = late(ShadeClient(nulls=[12]), steps=10, length=3, on_null="last")
    env.reset()
    act(env, 3)
    assert [one.reward for one in env.late_rewards(through=2)] == [11.0, 11.0, 13.0]
    env = late(ShadeClient(nulls=[11]), steps=10, length=3, on_null="last")
    env.reset()
    act(env, 2)
    for _ in range(2):
        with pytest.raises(NullRewardError, match="none before it in the episode"):
            env.late_rewards(through=1)
    env.close()


def test_a_null_at_the_beginning_of_an_episode_is_not_given_the_last_ones_reward() -> None:
    client = ShadeClient(nulls=[11])
    env = VLMReward(Shade("rgb_array", first=10, length=9), client, "r", on_null="last", late=20)
    env.reset()
    client.nulls = ()
    act(env, 3)
    env.late_rewards(through=2)
    client.nulls = (11,)
    env.reset()  # in the middle of an episode
    act(env, 1)
    with pytest.raises(NullRewardError, match="none before it in the episode"):
        env.late_rewards(through=3)
    env.close()


def test_rewards_before_one_that_is_refused_are_not_lost() -> None:
    env = late(ShadeClient(nulls=[13]), steps=10)
    env.reset()
    act(env, 5)
    for _ in range(2):
        with pytest.raises(NullRewardError, match="after transition 2"):
            env.late_rewards(through=4)
    assert [one.reward for one in env.late_rewards(through=1)] == [11.0, 12.0]
    env.close()


@pytest.mark.parametrize(
    ("change", "error"), [({"reward_id": "other"}, RewardsChangedError), ({"gone": True}, UnavailableError)]
)
def test_a_changed_reward_id_and_a_failed_request_are_told_and_stay(
    change: dict[str, Any], error: type[Exception]
) -> None:
    client = ShadeClient()
    env = late(client, steps=10)
    env.reset()
    act(env, 1)
    env.late_rewards(through=0)
    vars(client).update(change)
    act(env, 1)
    for _ in range(2):
        with pytest.raises(error):
            env.late_rewards(through=1)
    assert client.calls == [[11], [12]]
    env.close()


def test_a_transition_that_is_not_taken_yet_cannot_be_waited_for() -> None:
    env = late(ShadeClient(), steps=10)
    env.reset()
    act(env, 2)
    with pytest.raises(ValueError, match="transition 2 is not taken yet; the last one is 1"):
        env.late_rewards(through=2)
    env.close()


def test_only_the_late_mode_hands_back_rewards_later() -> None:
    env = VLMReward(Shade("rgb_array"), ShadeClient(), "r", on_null="raise")
    with pytest.raises(ValueError, match="late=64"):
        env.late_rewards()
    with pytest.raises(ValueError, match="late"):
        VLMReward(Shade("rgb_array"), ShadeClient(), "r", on_null="raise", late=-1)


@pytest.mark.parametrize("mode", list(AutoresetMode), ids=str)
def test_a_vector_environments_rewards_come_later_too(mode: AutoresetMode) -> None:
    client = ShadeClient(nulls=[22])
    makers = [lambda first=first: FrameInInfo(Shade("rgb_array", first=first)) for first in (10, 20)]
    envs = vector.VLMReward(SyncVectorEnv(makers, autoreset_mode=mode), client, "r", on_null="skip", late=50)
    envs.reset()
    for number in range(LENGTH):
        _, rewards, terminated, _, infos = envs.step(np.zeros(2, np.int64))
        assert np.isnan(rewards).all()
        np.testing.assert_array_equal(infos["transition"], [number] * 2)
    assert terminated.all()
    if mode is AutoresetMode.DISABLED:
        envs.reset(options={"reset_mask": np.ones(2, np.bool_)})
    envs.step(np.zeros(2, np.int64))
    rows = [late.reward for late in envs.late_rewards(through=LENGTH)]
    np.testing.assert_array_equal(rows[:LENGTH], [[11, 21], [12, np.nan], [13, 23], [14, 24]])
    if mode is AutoresetMode.NEXT_STEP:
        np.testing.assert_array_equal(rows[LENGTH], [0.0, 0.0])  # they were only reset
    else:
        np.testing.assert_array_equal(rows[LENGTH], [11, 21])
    envs.close()


def test_the_last_reward_of_a_vector_environment_ends_with_its_episode() -> None:
    client = ShadeClient(nulls=[12])
    makers = [lambda: Shade("rgb_array", first=10, length=3), lambda: Shade("rgb_array", first=10, length=9)]
    envs = vector.VLMReward(
        SyncVectorEnv(makers, autoreset_mode=AutoresetMode.DISABLED), client, "r", on_null="last", late=50
    )
    envs.reset()
    for _ in range(3):
        envs.step(np.zeros(2, np.int64))
    np.testing.assert_array_equal(
        [one.reward for one in envs.late_rewards(through=2)], [[11, 11], [11, 11], [13, 13]]
    )
    client.nulls = (11,)
    envs.reset(options={"reset_mask": np.array([True, False])})
    envs.step(np.zeros(2, np.int64))
    with pytest.raises(NullRewardError, match="environment 0"):
        envs.late_rewards(through=3)
    envs.close()


@pytest.mark.slow
def test_late_rewards_of_processes_are_called_for() -> None:
    client = ShadeClient()
    make = lambda: VLMReward(Shade("rgb_array"), client, "r", on_null="raise", late=10)  # noqa: E731
    envs = AsyncVectorEnv([make] * 2, context="spawn")
    envs.reset()
    for _ in range(3):
        envs.step(np.zeros(2, np.int64))
    for rewards in envs.call("late_rewards", through=2):
        assert [one.reward for one in rewards] == [11.0, 12.0, 13.0]
    envs.close()


@pytest.mark.vllm
def test_a_real_server_rewards_late(client: RewardClient) -> None:
    env = gym.make("CartPole-v1", render_mode="rgb_array")
    env = VLMReward(env, client, "cartpole-upright", on_null="raise", late=64)
    env.reset(seed=0)
    for _ in range(8):
        env.step(1)
    rewards = env.late_rewards(through=7)
    assert [one.transition for one in rewards] == list(range(8))
    assert rewards[-1].reward < rewards[0].reward
    env.close()
