"""The vector twin: one request a step, the terminal frame in every autoreset mode, the dummy step masked."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from numpy.typing import NDArray

from reward_client import RewardClient
from reward_client.labeling.null_rewards import NullRewardError
from reward_client.labeling.same_rewards import RewardsChangedError
from reward_client.wrappers import FrameInInfo
from reward_client.wrappers.vector import VLMReward
from tests.reward_client.shades import TRUE_REWARD, Shade, ShadeClient

Envs = VectorEnv[Any, Any, Any]
NO_ACTION = np.zeros(2, np.int64)


def makers(frames: bool = False) -> list[Callable[[], gym.Env[Any, Any]]]:
    """Two environments: shades from 10 with episodes of 2 steps, and from 20 with episodes of 3."""

    def make(first: int, length: int) -> gym.Env[Any, Any]:
        env = Shade("rgb_array", first=first, length=length)
        return FrameInInfo(env) if frames else env

    return [lambda: make(10, 2), lambda: make(20, 3)]


def wrapped(
    mode: AutoresetMode, client: ShadeClient | None = None, frames: bool = False, **options: Any
) -> VLMReward:
    given = {"on_null": "raise", **options}
    return VLMReward(
        SyncVectorEnv(makers(frames), autoreset_mode=mode), client or ShadeClient(), "r", **given
    )


def steps(envs: Envs, count: int) -> tuple[NDArray[np.float64], list[dict[str, Any]]]:
    """Rewards and infos; in the mode DISABLED the environments that ended are reset."""
    envs.reset()
    rewards, infos = [], []
    for _ in range(count):
        _, reward, terminated, truncated, info = envs.step(NO_ACTION)
        rewards.append(reward)
        infos.append(copy.deepcopy(info))  # Gymnasium's statistics go on writing into theirs
        ended = terminated | truncated
        if envs.metadata["autoreset_mode"] is AutoresetMode.DISABLED and ended.any():
            envs.reset(options={"reset_mask": ended})
    return np.array(rewards), infos


EXPECTED = {
    # 0 where an environment is only reset, which the mask says
    AutoresetMode.NEXT_STEP: [[11, 21], [12, 22], [0, 23], [11, 0], [12, 21]],
    AutoresetMode.SAME_STEP: [[11, 21], [12, 22], [11, 23], [12, 21], [11, 22]],
    AutoresetMode.DISABLED: [[11, 21], [12, 22], [11, 23], [12, 21], [11, 22]],
}
WITH_FRAMES = [(mode, True) for mode in AutoresetMode]
RENDERED = [(AutoresetMode.NEXT_STEP, False), (AutoresetMode.DISABLED, False)]


@pytest.mark.parametrize(("mode", "frames"), [*WITH_FRAMES, *RENDERED], ids=str)
def test_every_frame_is_the_one_after_its_step_the_terminal_one_too(
    mode: AutoresetMode, frames: bool
) -> None:
    client = ShadeClient()
    rewards, infos = steps(wrapped(mode, client, frames), 5)
    assert rewards.tolist() == EXPECTED[mode]
    taken = np.array(EXPECTED[mode]) != 0
    np.testing.assert_array_equal([info["vlm_mask"] for info in infos], taken)
    np.testing.assert_array_equal([info["true_reward"] for info in infos], taken * TRUE_REWARD)
    np.testing.assert_array_equal([info["_true_reward"] for info in infos], taken)
    assert client.calls == [[shade for shade in row if shade] for row in EXPECTED[mode]]


def test_a_step_in_which_all_are_only_reset_asks_nothing() -> None:
    client = ShadeClient()
    same = [lambda: Shade("rgb_array", length=1)] * 2
    for frames in (False, True):
        made = [(lambda make=make: FrameInInfo(make())) if frames else make for make in same]
        envs = VLMReward(SyncVectorEnv(made), client, "r", on_null="raise")
        rewards, infos = steps(envs, 3)
        assert rewards.tolist() == [[11, 11], [0, 0], [11, 11]]
        assert infos[1]["vlm_mask"].tolist() == [False, False]
        assert infos[1]["vlm_status"].tolist() == [None, None]
    assert [len(call) for call in client.calls] == [2, 2, 2, 2]


def test_same_step_without_frames_in_the_info_is_refused_with_the_line_that_fixes_it() -> None:
    envs = wrapped(AutoresetMode.SAME_STEP)
    envs.reset()
    with pytest.raises(ValueError, match=r"gym.make_vec\(..., wrappers=\[FrameInInfo\]"):
        envs.step(NO_ACTION)


@pytest.mark.parametrize("mode", list(AutoresetMode), ids=str)
@pytest.mark.parametrize("having", [0, 1])
def test_frames_in_the_info_of_some_environments_alone_are_refused(mode: AutoresetMode, having: int) -> None:
    """Within two steps an episode ends in the first environment alone."""
    made = [makers(frames=row == having)[row] for row in range(2)]
    client = ShadeClient()
    envs = VLMReward(SyncVectorEnv(made, autoreset_mode=mode), client, "r", on_null="raise")
    envs.reset()
    for _ in range(2):
        with pytest.raises(
            ValueError, match="some environments have FrameInInfo and some have not; give it to all"
        ):
            envs.step(NO_ACTION)
    assert client.calls == []


def test_an_environments_own_frame_in_its_info_is_left_alone() -> None:
    class Own(Shade):
        def step(self, action: np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
            return *super().step(action)[:4], {"frame": self.steps}

    envs = VLMReward(SyncVectorEnv([lambda: Own("rgb_array")] * 2), ShadeClient(), "r", on_null="raise")
    rewards, infos = steps(envs, 2)
    assert rewards.tolist() == [[11, 11], [12, 12]]
    assert [info["frame"].tolist() for info in infos] == [[1, 1], [2, 2]]


def test_same_step_where_all_end_at_once_scores_the_terminal_frames() -> None:
    envs = VLMReward(
        SyncVectorEnv(
            [lambda: FrameInInfo(Shade("rgb_array", length=1))] * 2, autoreset_mode=AutoresetMode.SAME_STEP
        ),
        ShadeClient(),
        "r",
        on_null="raise",
    )
    assert steps(envs, 2)[0].tolist() == [[11, 11], [11, 11]]


def test_an_unknown_autoreset_mode_is_refused() -> None:
    envs = SyncVectorEnv(makers())
    envs.metadata = {"render_modes": ["rgb_array"], "render_fps": 10}
    with pytest.raises(ValueError, match=r"metadata\['autoreset_mode'\] = AutoresetMode\.NEXT_STEP"):
        VLMReward(envs, ShadeClient(), "r", on_null="raise")


def test_environments_without_frames_are_refused() -> None:
    with pytest.raises(ValueError, match=r"gym.make_vec\(..., render_mode='rgb_array'\)"):
        VLMReward(SyncVectorEnv([Shade] * 2), ShadeClient(), "r", on_null="raise")


def test_a_null_concerns_its_own_environment_alone() -> None:
    rewards, infos = steps(wrapped(AutoresetMode.DISABLED, ShadeClient(nulls=[22]), on_null="skip"), 2)
    np.testing.assert_array_equal(rewards, [[11, 21], [12, np.nan]])
    assert infos[1]["vlm_status"].tolist() == ["ok", "failed"]
    assert infos[1]["vlm_mask"].tolist() == [True, False]
    rewards, _ = steps(wrapped(AutoresetMode.DISABLED, ShadeClient(nulls=[22]), on_null="last"), 2)
    assert rewards.tolist() == [[11, 21], [12, 21]]
    rewards, _ = steps(wrapped(AutoresetMode.DISABLED, ShadeClient(nulls=[22]), on_null=-1.5), 2)
    assert rewards.tolist() == [[11, 21], [12, -1.5]]
    with pytest.raises(NullRewardError, match="environment 1"):
        steps(wrapped(AutoresetMode.DISABLED, ShadeClient(nulls=[22])), 2)


@pytest.mark.parametrize("mode", list(AutoresetMode), ids=str)
def test_last_never_reaches_back_into_another_episode(mode: AutoresetMode) -> None:
    client = ShadeClient()
    envs = wrapped(mode, client, frames=True, on_null="last")
    envs.reset()
    envs.step(NO_ACTION)
    _, _, terminated, _, _ = envs.step(NO_ACTION)
    assert terminated.tolist() == [True, False]
    client.nulls = (11,)
    if mode is AutoresetMode.DISABLED:
        envs.reset(options={"reset_mask": terminated})
    if mode is AutoresetMode.NEXT_STEP:
        envs.step(NO_ACTION)
    with pytest.raises(NullRewardError, match=r"environment 0.*none before it in the episode"):
        envs.step(NO_ACTION)


def test_the_reward_id_is_held_throughout() -> None:
    client = ShadeClient()
    envs = wrapped(AutoresetMode.NEXT_STEP, client)
    envs.reset()
    envs.step(NO_ACTION)
    assert envs.reward_id == "abc"
    client.reward_id = "other"
    with pytest.raises(RewardsChangedError):
        envs.step(NO_ACTION)


def test_a_frame_of_another_kind_is_refused_with_its_environment() -> None:
    class Grey(Shade):
        def render(self) -> Any:
            return super().render()[..., 0]

    envs = VLMReward(
        SyncVectorEnv([lambda: Shade("rgb_array"), lambda: Grey("rgb_array")]),
        ShadeClient(),
        "r",
        on_null="raise",
    )
    envs.reset()
    with pytest.raises(ValueError, match=r"frame of environment 1.*np\.repeat"):
        envs.step(NO_ACTION)


@pytest.mark.parametrize("mode", list(AutoresetMode), ids=str)
def test_record_episode_statistics_counts_real_steps_alone(mode: AutoresetMode) -> None:
    envs = RecordEpisodeStatistics(wrapped(mode, frames=True))
    _, infos = steps(envs, 5)
    returns = [
        float(info["episode"]["r"][row])
        for info in infos
        for row in np.flatnonzero(info.get("_episode", np.zeros(2)))
    ]
    assert set(returns) == {11.0 + 12.0, 21.0 + 22.0 + 23.0}


def test_the_environments_of_make_vec_are_wrapped_with_one_word() -> None:
    envs = gym.make_vec(
        "Shade-v0",
        num_envs=3,
        vectorization_mode="sync",
        render_mode="rgb_array",
        wrappers=[FrameInInfo],
        vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP},
    )
    envs = VLMReward(envs, ShadeClient(), "r", on_null="raise")
    envs.reset()
    rewards = [envs.step(np.zeros(3, np.int64))[1].tolist() for _ in range(5)]
    assert rewards == [[11] * 3, [12] * 3, [13] * 3, [14] * 3, [11] * 3]


def test_an_environment_that_is_a_vector_one_by_itself_renders_its_frames() -> None:
    client = ShadeClient()
    cartpoles = gym.make_vec(
        "CartPole-v1", num_envs=2, vectorization_mode="vector_entry_point", render_mode="rgb_array"
    )
    envs = VLMReward(cartpoles, client, "r", on_null="raise")
    envs.reset(seed=0)
    envs.step(NO_ACTION)
    assert [len(call) for call in client.calls] == [2]
    envs.close()


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "frames"), [*WITH_FRAMES, *RENDERED], ids=str)
def test_environments_in_processes_give_the_same(mode: AutoresetMode, frames: bool) -> None:
    client = ShadeClient()
    asynchronous = AsyncVectorEnv(makers(frames), context="spawn", autoreset_mode=mode)
    envs = VLMReward(asynchronous, client, "r", on_null="raise")
    assert steps(envs, 5)[0].tolist() == EXPECTED[mode]
    envs.close()


@pytest.mark.vllm
def test_a_real_server_rewards_cartpoles(client: RewardClient) -> None:
    cartpoles = gym.make_vec("CartPole-v1", num_envs=3, vectorization_mode="sync", render_mode="rgb_array")
    envs = VLMReward(cartpoles, client, "cartpole-upright", on_null="raise")
    envs.reset(seed=0)
    rewards = np.array([envs.step(np.ones(3, np.int64))[1] for _ in range(8)])
    assert (rewards[-1] < rewards[0]).all()
    envs.close()
