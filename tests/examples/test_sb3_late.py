"""What the examples of Stable-Baselines3 share: late rewards in a replay buffer, and vector environments."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from numpy.typing import NDArray
from stable_baselines3 import DQN

from examples.sb3_late import LateReplayBuffer, WriteLateRewards
from examples.sb3_vec_env import GymnasiumVecEnv
from reward_client.wrappers import FrameInInfo, VLMReward, vector
from tests.reward_client.shades import LENGTH, Shade, ShadeClient

LAG = 16


def filled_by(client: ShadeClient, steps: int) -> LateReplayBuffer:
    """The replay buffer after so many steps; an episode has four."""
    env = VLMReward(Shade("rgb_array"), client, "r", on_null="skip", late=2 * LAG)
    model = DQN(
        "MlpPolicy", env, learning_starts=steps, replay_buffer_class=LateReplayBuffer, seed=1, device="cpu"
    )
    model.learn(steps, callback=WriteLateRewards(env, LAG))
    env.close()
    assert isinstance(model.replay_buffer, LateReplayBuffer)
    return model.replay_buffer


def column(values: NDArray[Any], buffer: LateReplayBuffer) -> list[float]:
    return [float(value) for value in values[: buffer.pos].flat]


def test_each_transition_gets_the_reward_of_its_own_frame() -> None:
    buffer = filled_by(ShadeClient(), steps=40)
    assert buffer.pos == 40 - LAG
    episode = list(range(1, LENGTH + 1))
    assert column(buffer.next_observations, buffer) == episode * 6  # the terminal one, not the next first one
    assert column(buffer.rewards, buffer) == [10.0 + step for step in episode] * 6
    assert column(buffer.dones, buffer) == [0.0, 0.0, 0.0, 1.0] * 6


def test_a_transition_without_a_reward_is_left_out() -> None:
    buffer = filled_by(ShadeClient(nulls=[13]), steps=40)
    assert column(buffer.next_observations, buffer) == [1, 2, 4] * 6
    assert column(buffer.rewards, buffer) == [11.0, 12.0, 14.0] * 6


def vector_env(mode: AutoresetMode) -> gym.vector.VectorEnv[Any, Any, Any]:
    envs = SyncVectorEnv([lambda: FrameInInfo(Shade("rgb_array"))] * 2, autoreset_mode=mode)
    return vector.VLMReward(envs, ShadeClient(), "r", on_null="raise")


def test_a_vector_environment_tells_how_an_episode_ended() -> None:
    env = GymnasiumVecEnv(vector_env(AutoresetMode.SAME_STEP))
    env.reset()
    for _ in range(LENGTH):
        observations, rewards, dones, infos = env.step(np.zeros(2, np.int64))
    assert np.asarray(observations).tolist() == [[0.0], [0.0]]
    assert rewards.tolist() == [10.0 + LENGTH] * 2
    assert dones.tolist() == [True, True]
    assert [info["terminal_observation"].tolist() for info in infos] == [[LENGTH]] * 2
    assert [info["TimeLimit.truncated"] for info in infos] == [False, False]
    env.close()


def test_another_autoreset_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="SAME_STEP"):
        GymnasiumVecEnv(vector_env(AutoresetMode.NEXT_STEP))
