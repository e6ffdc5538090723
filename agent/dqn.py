"""Double DQN: networks, update and greedy actions. Not for exploring (``train.py``) or memory.

van Hasselt et al., "Deep Reinforcement Learning with Double Q-learning", AAAI 2016.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from agent.replay import Transitions

OBSERVATION_SIZE = 4
ACTIONS = 2

OBSERVATION_SCALE = np.array([2.4, 2.0, math.radians(12.0), 2.0], dtype=np.float32)
"""Observations are divided by this: the limits of position and tilt at which CartPole-v1 ends an episode
(gymnasium/envs/classic_control/cartpole.py), and usual speeds. A tilt in radians is else the smallest input,
though it matters most."""


@dataclass(frozen=True)
class DqnConfig:
    """Hyperparameters of the learner."""

    hidden_size: int = 256
    """width of the two hidden layers"""
    learning_rate: float = 3e-4
    """Adam's step size, falling linearly to zero over the run"""
    discount: float = 0.99
    """discount factor per step"""
    batch_size: int = 64
    """transitions in a gradient step"""
    target_rate: float = 0.01
    """share of the online network that the target network takes over in each gradient step"""
    max_grad_norm: float = 10.0
    """longer gradients are scaled down to this norm"""


class Dqn:
    """Online and target network with their optimiser.

    Args:
        config: hyperparameters.
        seed: seed of the weights.
    """

    def __init__(self, config: DqnConfig, seed: int) -> None:
        self._config = config
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.online = nn.Sequential(
                nn.Linear(OBSERVATION_SIZE, config.hidden_size),
                nn.ReLU(),
                nn.Linear(config.hidden_size, config.hidden_size),
                nn.ReLU(),
                nn.Linear(config.hidden_size, ACTIONS),
            )
        self.target = copy.deepcopy(self.online).requires_grad_(False)
        self.optimizer = torch.optim.Adam(self.online.parameters(), config.learning_rate)

    def greedy_actions(self, observations: NDArray[np.float32]) -> NDArray[np.int64]:
        """Best actions by the target network: a running average of the online one, and far steadier.

        Args:
            observations: ``(B, 4)`` float32.

        Returns:
            ``(B,)`` int64.
        """
        with torch.no_grad():
            values = self.target(_inputs(observations))
        actions: NDArray[np.int64] = values.argmax(dim=1).numpy()
        return actions

    def update(self, batch: Transitions, progress: float) -> float:
        """Takes one gradient step.

        Args:
            batch: labelled transitions.
            progress: share of the run that is over, 0 to 1; sets the learning rate.

        Returns:
            The Huber loss before the step.
        """
        config = self._config
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * (1.0 - progress)
        next_observations = _inputs(batch.next_observations)
        with torch.no_grad():
            best = self.online(next_observations).argmax(dim=1, keepdim=True)
            next_values = self.target(next_observations).gather(1, best).squeeze(1)
            alive = 1.0 - torch.from_numpy(batch.terminated).float()
            targets = torch.from_numpy(batch.rewards) + config.discount * alive * next_values
        values = self.online(_inputs(batch.observations))
        values = values.gather(1, torch.from_numpy(batch.actions)[:, None]).squeeze(1)
        loss = nn.functional.smooth_l1_loss(values, targets)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.online.parameters(), config.max_grad_norm)
        self.optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(self.target.parameters(), self.online.parameters(), strict=True):
                slow.lerp_(fast, config.target_rate)
        return float(loss.item())


def _inputs(observations: NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(observations / OBSERVATION_SCALE)
