"""RLlib's PPO (its new API stack) on the vector wrapper: one request a step for all environments of a runner.

    pip install '.[gym]' 'gymnasium[classic-control]' 'ray[rllib]' torch
    python -m examples.rllib_ppo --url http://127.0.0.1:8000 --steps 20000

Null policy: ``last``, the reward of the step before; PPO learns from whole stretches of an episode. Where the
first frame of an episode has no reward, the runner ends with an error.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import ray
from gymnasium.vector import AutoresetMode
from ray.rllib.algorithms.ppo import PPOConfig
from ray.tune.registry import register_env

from reward_client import RewardClient
from reward_client.wrappers import FrameInInfo
from reward_client.wrappers.vector import VLMReward


def cartpoles(context: Any) -> gym.vector.VectorEnv[Any, Any, Any]:
    """A runner's environments, with a client of its own: a runner is a process, maybe on another machine."""
    envs = gym.make_vec(
        "CartPole-v1",
        num_envs=context["num_envs"],
        vectorization_mode="sync",
        render_mode="rgb_array",
        wrappers=[FrameInInfo],
        vector_kwargs={"autoreset_mode": AutoresetMode.NEXT_STEP},
    )
    return VLMReward(envs, RewardClient(context["url"]), "cartpole-angle", on_null="last")


def main(argv: Sequence[str] | None = None) -> None:
    """Trains, and prints the mean return of the VLM's rewards after each iteration."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--steps", type=int, default=20_000, help="of all environments together")
    parser.add_argument("--batch", type=int, default=1_000, help="steps in an iteration")
    parser.add_argument("--envs", type=int, default=8, help="of a runner")
    parser.add_argument("--runners", type=int, default=1, help="0: in this process")
    options = parser.parse_args(argv)
    ray.init(include_dashboard=False)
    register_env("vlm-cartpole", cartpoles)
    config = (
        PPOConfig()
        .environment("vlm-cartpole", env_config={"url": options.url})
        .env_runners(
            num_env_runners=options.runners,
            num_envs_per_env_runner=options.envs,
            gym_env_vectorize_mode="vector_entry_point",
            # RLlib's own is 60 s: what a runner samples for longer, beside a slow server, is dropped.
            sample_timeout_s=None,
        )
        .training(train_batch_size_per_learner=options.batch, minibatch_size=min(128, options.batch))
    )
    algorithm = config.build_algo()
    for _ in range(math.ceil(options.steps / options.batch)):
        sampled = algorithm.train()["env_runners"]
        steps, vlm_return = sampled["num_env_steps_sampled_lifetime"], sampled["episode_return_mean"]
        print(f"steps={steps:.0f} vlm_return={vlm_return:.1f}", flush=True)
    algorithm.stop()
    ray.shutdown()


if __name__ == "__main__":
    main()
