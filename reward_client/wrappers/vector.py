"""The wrapper's twin for vector environments: one request a step for the frames of all of them.

Not for how rewards come (``step_scoring.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from numpy.typing import NDArray

from reward_client.labeling.labeler import Scores
from reward_client.wording.given_rubric import GivenRubric
from reward_client.wrappers.frame_check import checked_frame
from reward_client.wrappers.frame_in_info import FRAME
from reward_client.wrappers.step_scoring import OnNull, StepRewards, StepScoring, infos_of

if TYPE_CHECKING:
    _Wrapper = VectorWrapper[Any, Any, Any, Any, Any]
else:
    _Wrapper = VectorWrapper  # Gymnasium 1.2 has none with parameters


class VLMReward(_Wrapper, RecordConstructorArgs):
    """Rewards each step of N environments with what a reward server says of the frames after it.

    The infos have ``(N,)`` arrays: ``true_reward`` (the environment's own), ``vlm_reward`` (NaN where the
    server gave none), ``vlm_mask`` (False there) and ``vlm_status``. Under ``NEXT_STEP`` an environment is
    only reset in the step after an episode's end: its reward there is Gymnasium's 0, and its mask is False.

    With ``late`` the rewards of a step are NaN, the infos have the number ``transition``, and
    ``late_rewards`` hands them back in order. Acting waits only where more than ``late`` steps are without
    theirs.

    Args:
        env: a vector environment with the render mode ``rgb_array`` and any autoreset mode. Under
            ``SAME_STEP`` each of its environments has the wrapper ``FrameInInfo``, in other modes all or
            none.
        client: where frames are scored. It stays open when the environment is closed.
        rubric: what to ask, as the client takes it: the name of a rubric of the server, a rubric of one's
            own, an ensemble, or a plain dictionary.
        on_null: what the reward is where the server gives none: ``raise`` an error; ``skip``: NaN, and the
            mask says that the step is to be left out; ``last``: the one before it in the episode, and an
            error where there is none; or a number.
        late: at most so many steps may be without their rewards; 0: a step waits for its rewards.
        reward_id: that of the rewards that there are already, of an earlier run say.

    Raises:
        ValueError: the environment does not render, does not say its autoreset mode, or an argument is
            something else.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
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
        _Wrapper.__init__(self, env)
        if env.render_mode is None:
            raise ValueError(
                "the environments render nothing; make them with gym.make_vec(..., render_mode='rgb_array')"
            )
        if "autoreset_mode" not in env.metadata:
            raise ValueError(
                "the vector environment does not say when it resets; if it does so in the step after an "
                "episode's end, set env.metadata['autoreset_mode'] = AutoresetMode.NEXT_STEP"
            )
        self._mode = AutoresetMode(env.metadata["autoreset_mode"])
        self._scoring = StepScoring(**given, count=env.num_envs)
        self._resets_next = np.zeros(env.num_envs, np.bool_)

    @property
    def reward_id(self) -> str | None:
        """That of all rewards so far; None before the first one."""
        return self._scoring.reward_id

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begins episodes: all, or those of ``options["reset_mask"]``."""
        mask = np.ones(self.num_envs, np.bool_)
        if options is not None:
            mask = options.get("reset_mask", mask)
            options = dict(options)  # Gymnasium takes the mask out of it; wrappers above read it again
        self._scoring.reset(np.flatnonzero(mask).tolist())
        self._resets_next = self._resets_next & ~mask
        return self.env.reset(seed=seed, options=options)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Takes a step and has the frames after it scored.

        Raises:
            NullRewardError: a frame has no reward, and ``on_null`` gives none.
            RewardServiceError: a request failed for good.
            RewardsChangedError: the server has other rewards now.
            ValueError: an environment rendered something that is not a frame, terminal frames are lost, or
                some environments have ``FrameInInfo`` and some have not.
        """
        taken = ~self._resets_next
        observations, true_rewards, terminations, truncations, infos = self.env.step(actions)
        ended = terminations | truncations
        if self._mode is AutoresetMode.NEXT_STEP:
            self._resets_next = ended
        rows = np.flatnonzero(taken).tolist()
        rewards = self._scoring.step(
            self._frames(rows, ended, infos),
            rows,
            np.array(true_rewards, np.float64),
            np.flatnonzero(ended).tolist(),
        )
        said = infos_of(rewards)
        if self._scoring.is_late:
            said["transition"] = np.full(self.num_envs, rewards.transition)
        masks = {f"_{name}": taken.copy() for name in said}
        return observations, rewards.reward, terminations, truncations, {**infos, **said, **masks}

    def late_rewards(self, through: int | None = None) -> list[StepRewards]:
        """The rewards of the steps that were not handed back yet, in order.

        Args:
            through: waits for all rewards up to the step of this number, and gives no later ones, so that a
                run repeats however fast the server is; None: gives those that are there, and does not wait.

        Raises:
            ValueError: the wrapper was made without ``late``, or the step is not taken yet.
            NullRewardError: a frame has no reward, and ``on_null`` gives none.
            RewardServiceError: a request failed for good.
            RewardsChangedError: the server has other rewards now.
        """
        return self._scoring.late_rewards(through)

    def close(self, **kwargs: Any) -> None:
        """Closes the environments; rewards that are on their way are dropped."""
        self._scoring.close()
        self.env.close(**kwargs)

    def _frames(
        self, rows: Sequence[int], ended: NDArray[np.bool_], infos: dict[str, Any]
    ) -> list[NDArray[np.uint8]]:
        """The frames after a step of the environments that took it, the last ones of episodes that ended."""
        if not rows:
            return []
        same_step = self._mode is AutoresetMode.SAME_STEP
        final = infos.get("final_info", {}) if same_step else {}
        if FRAME not in infos and FRAME not in final:
            if same_step:
                raise ValueError(
                    "under SAME_STEP rendering shows the next episode's first frame where one ended; make "
                    "the environments with gym.make_vec(..., wrappers=[FrameInInfo])"
                )
            shown: Any = self.env.render()
            frames = [shown[row] for row in rows]
        else:
            frames = [_kept(final if same_step and ended[row] else infos, row) for row in rows]
        return [
            checked_frame(frame, f"the frame of environment {row}")
            for row, frame in zip(rows, frames, strict=True)
        ]


def _kept(infos: dict[str, Any], row: int) -> Any:
    """An environment's frame in the infos, where Gymnasium fills up the others' places with zeros."""
    if FRAME not in infos or not infos[f"_{FRAME}"][row]:
        raise ValueError("some environments have FrameInInfo and some have not; give it to all")
    return infos[FRAME][row]
