"""Stable-Baselines3's PPO on the vector wrapper: one request a step holds the frames of all environments.

    pip install '.[gym]' 'gymnasium[classic-control]' stable-baselines3
    python -m examples.sb3_ppo --url http://127.0.0.1:8000 --steps 20000

Null policy: ``last``, the reward of the step before. PPO learns from whole stretches of an episode, so that
no step can be left out; where the first frame of an episode has no reward, training ends with an error.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
from gymnasium.vector import AutoresetMode
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecMonitor

from examples.sb3_vec_env import GymnasiumVecEnv
from reward_client import RewardClient
from reward_client.wrappers import FrameInInfo
from reward_client.wrappers.vector import VLMReward


def cartpoles(count: int) -> gym.vector.VectorEnv[Any, Any, Any]:
    """Environments that keep the frame that an episode ended with."""
    return gym.make_vec(
        "CartPole-v1",
        num_envs=count,
        vectorization_mode="sync",
        render_mode="rgb_array",
        wrappers=[FrameInInfo],
        vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP},
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Trains, and plays without exploring."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--steps", type=int, default=20_000, help="of all environments together")
    parser.add_argument("--envs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--episodes", type=int, default=20, help="played at the end")
    options = parser.parse_args(argv)
    with RewardClient(options.url) as client:
        env = VLMReward(cartpoles(options.envs), client, "cartpole-angle", on_null="last")
        model = PPO(
            "MlpPolicy", VecMonitor(GymnasiumVecEnv(env)), n_steps=32, seed=options.seed, device="cpu"
        )
        model.learn(options.steps)
        print(f"steps={model.num_timesteps} reward_id={env.reward_id}")
    mean, spread = evaluate_policy(model, Monitor(gym.make("CartPole-v1")), options.episodes)
    print(f"mean_greedy_return={mean:.1f} spread={spread:.1f} of 500")


if __name__ == "__main__":
    main()
