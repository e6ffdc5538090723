"""Stable-Baselines3's SAC swings Pendulum up on a VLM's rewards, and acts while frames are scored.

    pip install '.[gym]' 'gymnasium[classic-control]' stable-baselines3
    python -m examples.sb3_sac_pendulum --url http://127.0.0.1:8000 --steps 6000

The rubric ``pendulum-angle`` asks for the angle alone; Pendulum's own reward also counts speed and torque.
Null policy: ``skip``; a transition without a reward never reaches the replay buffer.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import gymnasium as gym
from stable_baselines3 import SAC
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor

from examples.sb3_late import LateReplayBuffer, WriteLateRewards
from reward_client import RewardClient
from reward_client.wrappers import VLMReward

LAG = 64
"""Transitions whose rewards may be on their way: four requests of 16 frames."""


def main(argv: Sequence[str] | None = None) -> None:
    """Trains, and plays without exploring."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--steps", type=int, default=6_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--episodes", type=int, default=20, help="played at the end")
    options = parser.parse_args(argv)
    with RewardClient(options.url) as client:
        pendulum = Monitor(gym.make("Pendulum-v1", render_mode="rgb_array"))  # counts true returns
        env = VLMReward(pendulum, client, "pendulum-angle", on_null="skip", late=2 * LAG)
        model = SAC(
            "MlpPolicy",
            env,
            learning_rate=1e-3,
            learning_starts=100,
            replay_buffer_class=LateReplayBuffer,
            seed=options.seed,
            device="cpu",
        )
        model.learn(options.steps, callback=WriteLateRewards(env, LAG))
        rewarded = model.replay_buffer.size() if model.replay_buffer else 0
        print(f"steps={model.num_timesteps} rewarded={rewarded} reward_id={env.reward_id}")
    mean, spread = evaluate_policy(model, Monitor(gym.make("Pendulum-v1")), options.episodes)
    print(f"mean_greedy_return={mean:.1f} spread={spread:.1f}; about -150 where the pendulum is held upright")


if __name__ == "__main__":
    main()
