"""Late rewards for Stable-Baselines3's off-policy learners: a replay buffer that waits, and a callback.

Copy this file beside your own code; ``sb3_dqn.py`` and ``sb3_sac_pendulum.py`` use it. Not for on-policy
learners, which need every reward before they learn (``sb3_ppo.py``).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback

from reward_client.wrappers import LateReward, VLMReward


class LateReplayBuffer(ReplayBuffer):
    """Keeps a transition aside until its reward is there, so that only rewarded ones are sampled.

    For one environment: its infos have the number ``transition`` that ``VLMReward(late=...)`` puts there.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: dict[int, tuple[Any, ...]] = {}

    def add(self, obs: Any, next_obs: Any, action: Any, reward: Any, done: Any, infos: list[Any]) -> None:
        """Takes a transition whose reward is on its way."""
        self._waiting[infos[0]["transition"]] = (obs, next_obs, action, done, infos)

    def write(self, late: LateReward) -> None:
        """Writes a transition with its reward. Null policy ``skip``: without a reward it is left out."""
        obs, next_obs, action, done, infos = self._waiting.pop(late.transition)
        if not math.isnan(late.reward):
            super().add(obs, next_obs, action, np.array([late.reward]), done, infos)


class WriteLateRewards(BaseCallback):
    """Before each round of learning, writes the rewards that came into the replay buffer.

    Args:
        env: made with ``late`` above ``lag``.
        lag: the learner never sees the last so many transitions, whether their rewards are there or not, so
            that what is learned does not depend on how fast the server is.
    """

    def __init__(self, env: VLMReward, lag: int) -> None:
        super().__init__()
        self._env, self._lag = env, lag

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        last = self.locals["infos"][0]["transition"]
        for late in self._env.late_rewards(through=last - self._lag):
            self.locals["replay_buffer"].write(late)
