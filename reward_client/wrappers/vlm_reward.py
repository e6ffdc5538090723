"""The wrapper for one environment: a step's reward is the server's for the frame after it.

Not for vector environments (``vector.py``), which ask about all their frames in one request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs

from reward_client.labeling.labeler import Scores
from reward_client.wording.given_rubric import GivenRubric
from reward_client.wrappers.frame_check import checked_frame
from reward_client.wrappers.step_scoring import OnNull, StepRewards, StepScoring, infos_of


@dataclass(frozen=True)
class LateReward:
    """A reward that is handed back some steps after its transition.

    Attributes:
        transition: number of the step that it belongs to, from 0, as in the step's info.
        reward: what to learn from; NaN where there is none (``on_null="skip"``).
        true_reward: the environment's own.
        vlm_reward: the server's; NaN where it gave none.
        vlm_mask: whether the server gave one.
        vlm_status: why it gave none; ``ok`` where it did.
    """

    transition: int
    reward: float
    true_reward: float
    vlm_reward: float
    vlm_mask: bool
    vlm_status: str

    @classmethod
    def of(cls, step: StepRewards) -> LateReward:
        """The reward of the only environment."""
        infos = {name: _python(values[0]) for name, values in infos_of(step).items()}
        return cls(transition=step.transition, reward=float(step.reward[0]), **infos)


class VLMReward(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Rewards each step with what a reward server says of the frame after it, the terminal one too.

    The environment's own reward stays in the info as ``true_reward``. Beside it are ``vlm_reward`` (NaN where
    the server gave none), ``vlm_mask`` (False there) and ``vlm_status``.

    With ``late`` the reward of a step is NaN, its info has the number ``transition``, and ``late_rewards``
    hands the rewards back in order. Acting waits only where more than ``late`` steps are without theirs.

    Args:
        env: an environment with the render mode ``rgb_array``.
        client: where frames are scored. It stays open when the environment is closed.
        rubric: what to ask, as the client takes it: the name of a rubric of the server, a rubric of one's
            own, an ensemble, or a plain dictionary.
        on_null: what the reward is where the server gives none: ``raise`` an error; ``skip``: NaN, and the
            mask says that the step is to be left out; ``last``: the one before it in the episode, and an
            error where there is none; or a number.
        late: at most so many steps may be without their rewards; 0: a step waits for its reward.
        reward_id: that of the rewards that there are already, of an earlier run say.

    Raises:
        ValueError: the environment does not render, or an argument is something else.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        client: Scores,
        rubric: GivenRubric,
        *,
        on_null: OnNull,
        late: int = 0,
        reward_id: str | None = None,
    ) -> None:
        given: dict[str, Any] = {
            "client": client,
            "rubric": rubric,
            "on_null": on_null,
            "late": late,
            "reward_id": reward_id,
        }
        RecordConstructorArgs.__init__(self, _disable_deepcopy=True, **given)
        gym.Wrapper.__init__(self, env)
        if (
            env.render_mode is None
        ):  # other modes are refused at the first step: Gymnasium's checker makes them
            raise ValueError(
                "the environment renders nothing; make it with gym.make(..., render_mode='rgb_array')"
            )
        self._scoring = StepScoring(**given, count=1)

    @property
    def reward_id(self) -> str | None:
        """That of all rewards so far; None before the first one."""
        return self._scoring.reward_id

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begins an episode. Its first frame is not scored: no step led to it."""
        self._scoring.reset([0])
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Takes a step and has the frame after it scored.

        Raises:
            NullRewardError: the frame has no reward, and ``on_null`` gives none.
            RewardServiceError: the request failed for good.
            RewardsChangedError: the server has other rewards now.
            ValueError: the environment rendered something that is not a frame.
        """
        observation, true_reward, terminated, truncated, info = self.env.step(action)
        frame = checked_frame(self.env.render())
        ended = [0] if terminated or truncated else []
        rewards = self._scoring.step([frame], [0], np.array([true_reward], np.float64), ended)
        said = {name: _python(values[0]) for name, values in infos_of(rewards).items()}
        if self._scoring.is_late:
            said["transition"] = rewards.transition
        return observation, float(rewards.reward[0]), terminated, truncated, {**info, **said}

    def late_rewards(self, through: int | None = None) -> list[LateReward]:
        """The rewards that were not handed back yet, in the order of their transitions.

        Args:
            through: waits for all rewards up to this transition, and gives no later ones, so that a run
                repeats however fast the server is; None: gives those that are there, and does not wait.

        Raises:
            ValueError: the wrapper was made without ``late``, or the transition is not taken yet.
            NullRewardError: a frame has no reward, and ``on_null`` gives none.
            RewardServiceError: a request failed for good.
            RewardsChangedError: the server has other rewards now.
        """
        return [LateReward.of(step) for step in self._scoring.late_rewards(through)]

    def close(self) -> None:
        """Closes the environment; rewards that are on their way are dropped."""
        self._scoring.close()
        self.env.close()


def _python(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
