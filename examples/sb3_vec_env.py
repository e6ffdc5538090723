"""Gives a vector environment of Gymnasium to Stable-Baselines3, which has an interface of its own for them.

Copy this file beside your own code; ``sb3_ppo.py`` uses it. Not for rewards: those are the environment's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import VecEnv

REWARD_INFO = ("true_reward", "vlm_reward", "vlm_mask", "vlm_status")
"""What the wrapper says of rewards beside the environment's own information."""


class GymnasiumVecEnv(VecEnv):
    """A vector environment with the autoreset mode ``SAME_STEP``, which is what Stable-Baselines3 expects."""

    def __init__(self, env: gym.vector.VectorEnv[Any, Any, Any]) -> None:
        if env.metadata["autoreset_mode"] is not gym.vector.AutoresetMode.SAME_STEP:
            raise ValueError(
                "make the environments with vector_kwargs={'autoreset_mode': AutoresetMode.SAME_STEP}"
            )
        self._env = env
        self._actions: Any = None
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)

    def reset(self) -> Any:
        """Begins all episodes, with the seeds that ``seed`` left."""
        # Gymnasium takes one for each environment, but its annotation does not say so
        seeds: Any = self._seeds
        observations, _ = self._env.reset(seed=seeds)
        self._reset_seeds()
        return observations

    def step_async(self, actions: Any) -> None:
        """Takes the actions of the next step."""
        self._actions = actions

    def step_wait(self) -> Any:
        """Takes the step. The last observation of an episode is in its info, as Stable-Baselines3 has it."""
        observations, rewards, terminations, truncations, said = self._env.step(self._actions)
        infos: list[dict[str, Any]] = []
        for row in range(self.num_envs):
            info = {name: said[name][row] for name in REWARD_INFO if name in said}
            if terminations[row] or truncations[row]:
                info["terminal_observation"] = said["final_obs"][row]
                info["TimeLimit.truncated"] = bool(truncations[row] and not terminations[row])
            infos.append(info)
        return observations, rewards.astype(np.float32), terminations | truncations, infos

    def close(self) -> None:
        """Closes the environments."""
        self._env.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """An attribute of the vector environment, once for each environment."""
        return [getattr(self._env, attr_name)] * len(self._rows(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Is refused: the environments may be in other processes."""
        raise NotImplementedError("attributes are set when the environments are made")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Is refused: the environments may be in other processes."""
        raise NotImplementedError(f"{method_name} cannot be called on single environments")

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Any = None) -> list[bool]:
        """No: what wraps single environments is not seen from here."""
        return [False] * len(self._rows(indices))

    def _rows(self, indices: Any) -> Sequence[int]:
        return list(self._get_indices(indices))
