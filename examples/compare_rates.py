"""Steps per second of Stable-Baselines3's DQN: rewards that come late against one blocking request a step.

    pip install '.[gym]' 'gymnasium[classic-control]' stable-baselines3
    python -m examples.compare_rates --url http://127.0.0.1:8000 --steps 1000 --pairs 3

Both sides train the same learner on the same server, in turn. The seeds differ, so that hardly a frame of one
side is answered from what the other asked before. Null policy: ``skip`` late, ``raise`` where each step waits
for its reward.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import torch
from stable_baselines3 import DQN

from examples.sb3_dqn import LEARNING, RUBRIC, cartpole, learn_late
from reward_client import RewardClient
from reward_client.wrappers import VLMReward


def learn_blocking(client: RewardClient, steps: int, seed: int) -> DQN:
    """Trains with one request a step, which the step waits for."""
    env = VLMReward(cartpole(), client, RUBRIC, on_null="raise")
    return DQN("MlpPolicy", env, seed=seed, **LEARNING).learn(steps)


def rate(
    learn: Callable[[RewardClient, int, int], DQN], client: RewardClient, steps: int, seed: int
) -> float:
    """Environment steps per second, learning included."""
    started = time.monotonic()
    learn(client, steps, seed)
    return steps / (time.monotonic() - started)


def main(argv: Sequence[str] | None = None) -> None:
    """Prints a line for each pair, and the median ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--steps", type=int, default=1_000, help="of each run")
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args(argv)
    torch.set_num_threads(1)  # for both; the network is small
    ratios = []
    with RewardClient(options.url) as client:
        for pair in range(options.pairs):
            blocking = rate(learn_blocking, client, options.steps, 1000 + pair)
            late = rate(learn_late, client, options.steps, 2000 + pair)
            ratios.append(late / blocking)
            print(
                f"blocking_steps_per_s={blocking:.1f} late_steps_per_s={late:.1f} ratio={ratios[-1]:.2f}",
                flush=True,
            )
    print(f"median_ratio={statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
