"""DQN in a single file, in the order in which it runs; rewards come late, from a VLM.

    pip install '.[gym]' 'gymnasium[classic-control]' torch tyro
    python -m examples.cleanrl_dqn --url http://127.0.0.1:8000 --steps 10000

Null policy: ``skip``; a transition without a reward is never learned from.
"""

from __future__ import annotations

import math
import random
from collections import deque
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import torch
import tyro
from torch import nn

from reward_client import RewardClient
from reward_client.wrappers import VLMReward


@dataclass
class Args:
    """The options."""

    url: str = "http://127.0.0.1:8000"
    """address of the reward server"""
    rubric: str = "cartpole-angle"
    """what the server is asked"""
    steps: int = 10_000
    """environment steps"""
    seed: int = 1
    """of the environment, the network and exploration"""
    lag: int = 64
    """transitions whose rewards may be on their way"""
    learning_starts: int = 500
    """environment steps before the first update"""
    learning_rate: float = 1e-3
    """of Adam"""
    discount: float = 0.99
    """of a later reward"""
    batch_size: int = 64
    """transitions in an update"""
    target_rate: float = 0.01
    """how far the target network moves at each update"""
    exploration_steps: int = 6_000
    """steps over which exploration falls from 1 to 0.04"""


def network(observations: int, actions: int) -> nn.Sequential:
    """From an observation to the value of each action."""
    layers = [nn.Linear(observations, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(128, actions))


def greedy(values: nn.Module, observation: Any) -> int:
    """The best action."""
    with torch.no_grad():
        return int(values(torch.as_tensor(observation)).argmax())


def train(args: Args, env: VLMReward) -> nn.Module:
    """The algorithm."""
    random.seed(args.seed)
    torch.manual_seed(args.seed)
    values, target = network(4, 2), network(4, 2)
    target.load_state_dict(values.state_dict())
    optimizer = torch.optim.Adam(values.parameters(), lr=args.learning_rate)
    waiting: dict[int, tuple[Any, ...]] = {}
    replay: deque[tuple[Any, ...]] = deque(maxlen=50_000)

    observation, _ = env.reset(seed=args.seed)
    for step in range(args.steps):
        # act
        epsilon = max(0.04, 1 - 0.96 * step / args.exploration_steps)
        action = random.randrange(2) if random.random() < epsilon else greedy(values, observation)
        after, _, terminated, truncated, info = env.step(action)
        waiting[info["transition"]] = (observation, action, after, float(terminated))
        observation = env.reset()[0] if terminated or truncated else after

        # take the rewards that came
        for late in env.late_rewards(through=step - args.lag):
            transition = waiting.pop(late.transition)
            if not math.isnan(late.reward):
                replay.append((*transition, late.reward))

        # learn
        if step < args.learning_starts or len(replay) < args.batch_size:
            continue
        columns = zip(*random.sample(replay, args.batch_size), strict=True)
        before, actions, following, ended, rewards = (torch.as_tensor(np.array(one)) for one in columns)
        with torch.no_grad():
            goal = rewards.float() + args.discount * (1 - ended.float()) * target(following).max(1).values
        found = values(before).gather(1, actions[:, None])[:, 0]
        loss = nn.functional.smooth_l1_loss(found, goal)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        for old, new in zip(target.parameters(), values.parameters(), strict=True):
            old.data.lerp_(new.data, args.target_rate)
    print(f"steps={args.steps} rewarded={len(replay)} reward_id={env.reward_id}")
    return values


if __name__ == "__main__":
    options = tyro.cli(Args)
    with RewardClient(options.url) as reward_client:
        cartpole = gym.make("CartPole-v1", render_mode="rgb_array")
        train(
            options, VLMReward(cartpole, reward_client, options.rubric, on_null="skip", late=2 * options.lag)
        )
