"""Steps environments side by side and hands back each real step, the terminal one with its own frame.

Not for what is done with the frames (``rewards/labeler.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from numpy.typing import NDArray

from reward_client.wrappers.frame_in_info import FRAME, FrameInInfo
from reward_tasks.task import Task


@dataclass(frozen=True)
class VectorStep:
    """What N environments did in one step.

    Attributes:
        observations: ``(N, D)`` float32, before the step.
        actions: ``(N,)`` int64.
        true_rewards: ``(N,)`` float64, the environment's own.
        next_observations: ``(N, D)`` float32, after the step; the last of an episode where it ended.
        terminated: ``(N,)`` bool.
        truncated: ``(N,)`` bool.
        taken: ``(N,)`` bool; False where an environment was only reset, and nothing else here counts.
        frames: ``(N, H, W, 3)`` uint8 RGB after the step, or None without rendering.
    """

    observations: NDArray[np.float32]
    actions: NDArray[np.int64]
    true_rewards: NDArray[np.float64]
    next_observations: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    taken: NDArray[np.bool_]
    frames: NDArray[np.uint8] | None


class FrameEnvs:
    """A vector environment of any autoreset mode, whose sub-environments have ``FrameInInfo`` or no frames.

    Args:
        envs: the vector environment.
        seeds: one for each of its environments.
    """

    def __init__(self, envs: VectorEnv[Any, Any, Any], seeds: Sequence[int]) -> None:
        self.envs = envs
        self.mode: AutoresetMode = envs.metadata["autoreset_mode"]
        self.observations: NDArray[np.float32] = envs.reset(seed=list(seeds))[0]  # type: ignore[arg-type] # lists are taken
        self._resets_next = np.zeros(envs.num_envs, dtype=np.bool_)

    def step(self, actions: NDArray[np.int64]) -> VectorStep:
        """Takes one step in each environment and begins new episodes where they ended.

        Args:
            actions: ``(N,)`` int64.
        """
        before, taken = self.observations, ~self._resets_next
        after, true_rewards, terminated, truncated, infos = self.envs.step(actions)
        ended = terminated | truncated
        frames = infos.get(FRAME)
        last, self.observations = after, after
        if self.mode == AutoresetMode.NEXT_STEP:
            self._resets_next = ended
        elif self.mode == AutoresetMode.SAME_STEP and ended.any():
            last = after.copy()
            final_frames = infos["final_info"].get(FRAME)
            frames = None if final_frames is None else _filled(frames, final_frames)
            for row in np.flatnonzero(ended):
                last[row] = infos["final_obs"][row]
                if frames is not None:
                    frames[row] = final_frames[row]
        elif self.mode == AutoresetMode.DISABLED and ended.any():
            self.observations, _ = self.envs.reset(options={"reset_mask": ended})
        return VectorStep(before, actions, true_rewards, last, terminated, truncated, taken, frames)

    def close(self) -> None:
        """Closes the environments."""
        self.envs.close()


def make_envs(task: Task, seeds: Sequence[int], frames: bool) -> FrameEnvs:
    """Makes environments in this process, one for each seed.

    Args:
        task: says which.
        seeds: of the environments.
        frames: whether each step is rendered.
    """

    def make() -> gym.Env[Any, Any]:
        env = task.make(frames=frames)
        return FrameInInfo(env) if frames else env

    return FrameEnvs(SyncVectorEnv([make] * len(seeds), autoreset_mode=AutoresetMode.DISABLED), seeds)


def envs_state(envs: FrameEnvs, task: Task) -> dict[str, Any]:
    """Where the environments of ``make_envs`` are, with their random states, for a run state."""
    return {"observations": envs.observations, "envs": [task.env_state(env) for env in _singles(envs)]}


def restore_envs(envs: FrameEnvs, task: Task, state: dict[str, Any]) -> None:
    """Puts the environments where ``envs_state`` found them."""
    envs.observations = np.asarray(state["observations"], dtype=np.float32)
    for env, saved in zip(_singles(envs), state["envs"], strict=True):
        task.restore_env(env, saved)


def _singles(envs: FrameEnvs) -> list[gym.Env[Any, Any]]:
    return list(envs.envs.envs)  # type: ignore[attr-defined] # make_envs makes a SyncVectorEnv


def _filled(frames: NDArray[np.uint8] | None, like: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The frames of the environments that go on; none has one where all ended at once."""
    return np.zeros_like(like) if frames is None else frames
