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
from gymnasium.wrappers import TimeLimit
from numpy.typing import NDArray

FRAME = "frame"
"""Key of the infos under which a step's frame is."""


class FrameInInfo(gym.Wrapper[Any, Any, Any, Any]):
    """Puts the frame after each step into its info.

    Rendering a vector environment after its step shows the next episode's first frame where the mode is
    SAME_STEP. The info of the terminal step is kept in every mode.
    """

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Takes a step and renders."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, reward, terminated, truncated, {**info, FRAME: self.env.render()}


@dataclass(frozen=True)
class VectorStep:
    """What N environments did in one step.

    Attributes:
        observations: ``(N, 4)`` float32, before the step.
        actions: ``(N,)`` int64.
        true_rewards: ``(N,)`` float64, the environment's own.
        next_observations: ``(N, 4)`` float32, after the step; the last of an episode where it ended.
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


def make_envs(env_id: str, seeds: Sequence[int], frames: bool, **options: Any) -> FrameEnvs:
    """Makes environments in this process, one for each seed.

    Args:
        env_id: name in Gymnasium's registry.
        seeds: of the environments.
        frames: whether each step is rendered.
        options: of the environment.
    """

    def make() -> gym.Env[Any, Any]:
        env = gym.make(
            env_id, render_mode="rgb_array" if frames else None, disable_env_checker=True, **options
        )
        return FrameInInfo(env) if frames else env

    return FrameEnvs(SyncVectorEnv([make] * len(seeds), autoreset_mode=AutoresetMode.DISABLED), seeds)


def envs_state(envs: FrameEnvs) -> dict[str, Any]:
    """Where the environments of ``make_envs`` are, with their random states, for a checkpoint."""
    singles = _singles(envs)
    return {
        "observations": envs.observations,
        "states": np.array([env.unwrapped.state for env in singles]),  # type: ignore[attr-defined]
        "elapsed_steps": [_time_limit(env)._elapsed_steps for env in singles],
        "rngs": [env.unwrapped.np_random.bit_generator.state for env in singles],
    }


def restore_envs(envs: FrameEnvs, state: dict[str, Any]) -> None:
    """Puts the environments where ``envs_state`` found them."""
    envs.observations = np.asarray(state["observations"], dtype=np.float32)
    for row, env in enumerate(_singles(envs)):
        env.unwrapped.state = np.array(state["states"][row])  # type: ignore[attr-defined]
        _time_limit(env)._elapsed_steps = state["elapsed_steps"][row]
        env.unwrapped.np_random.bit_generator.state = state["rngs"][row]


def _singles(envs: FrameEnvs) -> list[gym.Env[Any, Any]]:
    return list(envs.envs.envs)  # type: ignore[attr-defined] # make_envs makes a SyncVectorEnv


def _time_limit(env: gym.Env[Any, Any]) -> Any:
    while not isinstance(env, TimeLimit):
        env = env.env  # type: ignore[attr-defined] # the registry wraps all of them
    return env


def _filled(frames: NDArray[np.uint8] | None, like: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The frames of the environments that go on; none has one where all ended at once."""
    return np.zeros_like(like) if frames is None else frames
