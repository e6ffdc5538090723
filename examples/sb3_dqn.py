"""Stable-Baselines3's DQN learns CartPole from a VLM's rewards, and acts while frames are scored.

    pip install '.[gym]' 'gymnasium[classic-control]' stable-baselines3
    python -m examples.sb3_dqn --url http://127.0.0.1:8000 --steps 15000

Null policy: ``skip``; a transition without a reward never reaches the replay buffer.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor

from examples.sb3_late import LateReplayBuffer, WriteLateRewards
from reward_client import RewardClient
from reward_client.wrappers import VLMReward

RUBRIC = "cartpole-angle"
LAG = 64
"""Transitions whose rewards may be on their way: four requests of 16 frames."""

LEARNING: dict[str, Any] = {
    "learning_rate": lambda left: 1e-3 * left,  # falls to 0, so that the last policy is a settled one
    "learning_starts": 500,
    "train_freq": 4,
    "gradient_steps": 4,
    "batch_size": 64,
    "tau": 0.01,
    "target_update_interval": 1,
    "exploration_fraction": 0.4,
    "exploration_final_eps": 0.04,
    "policy_kwargs": {"net_arch": [128, 128]},
    "device": "cpu",
}


def cartpole() -> gym.Env[Any, Any]:
    """CartPole with frames. The monitor below the rewards counts true returns."""
    return Monitor(gym.make("CartPole-v1", render_mode="rgb_array"))


def learn_late(client: RewardClient, steps: int, seed: int) -> DQN:
    """Trains with rewards that come some steps later."""
    env = VLMReward(cartpole(), client, RUBRIC, on_null="skip", late=2 * LAG)
    model = DQN("MlpPolicy", env, seed=seed, replay_buffer_class=LateReplayBuffer, **LEARNING)
    return model.learn(steps, callback=WriteLateRewards(env, LAG))


def main(argv: Sequence[str] | None = None) -> None:
    """Trains, and plays without exploring."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--steps", type=int, default=15_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--episodes", type=int, default=20, help="played at the end")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)  # the network is small: more threads only take turns with the server's
    with RewardClient(options.url) as client:
        started = time.monotonic()
        model = learn_late(client, options.steps, options.seed)
        rate = options.steps / (time.monotonic() - started)
    mean, spread = evaluate_policy(model, cartpole(), options.episodes)
    rewarded = model.replay_buffer.size() if model.replay_buffer else 0
    print(f"steps_per_s={rate:.1f} rewarded={rewarded}")
    print(f"mean_greedy_return={mean:.1f} spread={spread:.1f} of 500")


if __name__ == "__main__":
    main()
