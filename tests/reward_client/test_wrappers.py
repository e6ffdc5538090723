"""The Gymnasium wrapper: whose frame is scored, what a null does, and who gets along with it."""

from __future__ import annotations

import math
import pickle
import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import (
    FrameStackObservation,
    HumanRendering,
    RecordEpisodeStatistics,
    RecordVideo,
    RepeatAction,
    TimeLimit,
)

from reward_client import RewardClient
from reward_client.labeling.null_rewards import NullRewardError
from reward_client.labeling.same_rewards import RewardsChangedError
from reward_client.wrappers import VLMReward
from tests.reward_client.graded import graded
from tests.reward_client.shades import LENGTH, TRUE_REWARD, Shade, ShadeClient

Env = gym.Env[Any, Any]


def shade(**options: Any) -> Shade:
    return Shade(render_mode="rgb_array", **options)


def wrapped(client: ShadeClient | None = None, env: Env | None = None, **options: Any) -> VLMReward:
    given = {"on_null": "raise", **options}
    return VLMReward(env or shade(), client or ShadeClient(), "r", **given)


def episode(env: Env) -> list[tuple[float, dict[str, Any]]]:
    """The rewards and infos of one episode."""
    env.reset()
    steps = []
    while True:
        _, reward, terminated, truncated, info = env.step(0)
        steps.append((float(reward), info))
        if terminated or truncated:
            return steps


def test_a_step_gets_the_reward_of_the_frame_after_it_the_terminal_one_too() -> None:
    client = ShadeClient()
    env = wrapped(client)
    assert [reward for reward, _ in episode(env)] == [11.0, 12.0, 13.0, 14.0]
    assert client.calls == [[11], [12], [13], [14]]
    assert client.asked == ["r"] * 4


def test_the_true_reward_stays_in_the_info() -> None:
    (_, info), *_ = episode(wrapped())
    assert info == {"true_reward": TRUE_REWARD, "vlm_reward": 11.0, "vlm_mask": True, "vlm_status": "ok"}


def test_raise_says_which_status_the_frame_has() -> None:
    env = wrapped(ShadeClient(nulls=[12]))
    env.reset()
    env.step(0)
    with pytest.raises(NullRewardError, match="failed"):
        env.step(0)


def test_skip_gives_no_number_and_a_mask() -> None:
    steps = episode(wrapped(ShadeClient(nulls=[12]), on_null="skip"))
    assert [info["vlm_mask"] for _, info in steps] == [True, False, True, True]
    assert math.isnan(steps[1][0])
    assert math.isnan(steps[1][1]["vlm_reward"])
    assert steps[1][1]["vlm_status"] == "failed"


def test_last_repeats_the_reward_before_it_in_the_episode() -> None:
    client = ShadeClient(nulls=[12, 13])
    env = wrapped(client, on_null="last")
    assert [reward for reward, _ in episode(env)] == [11.0, 11.0, 11.0, 14.0]
    client.nulls = (11,)
    env.reset()
    with pytest.raises(NullRewardError, match="none before it in the episode"):
        env.step(0)


def test_a_constant_is_given_as_it_was_stated_and_masked() -> None:
    steps = episode(wrapped(ShadeClient(nulls=[12]), on_null=-2))
    assert [reward for reward, _ in steps] == [11.0, -2.0, 13.0, 14.0]
    assert [info["vlm_mask"] for _, info in steps] == [True, False, True, True]


@pytest.mark.parametrize("on_null", [None, "zero", True, math.nan, math.inf])
def test_a_null_policy_must_be_one(on_null: Any) -> None:
    with pytest.raises(ValueError, match="'raise', 'skip', 'last' or a number"):
        wrapped(on_null=on_null)


def test_there_is_no_null_policy_that_nobody_stated() -> None:
    with pytest.raises(TypeError, match="on_null"):
        VLMReward(shade(), ShadeClient(), "r")  # type: ignore[call-arg]


def test_the_reward_id_is_held_throughout() -> None:
    client = ShadeClient()
    env = wrapped(client)
    assert env.reward_id is None
    env.reset()
    env.step(0)
    assert env.reward_id == "abc"
    client.reward_id = "other"
    with pytest.raises(RewardsChangedError, match="abc to other"):
        env.step(0)
    resumed = wrapped(client, reward_id="abc")
    resumed.reset()
    with pytest.raises(RewardsChangedError):
        resumed.step(0)


def test_an_environment_without_frames_is_refused_with_the_line_that_fixes_it() -> None:
    with pytest.raises(ValueError, match=r"gym.make\(..., render_mode='rgb_array'\)"):
        wrapped(env=Shade())
    human = wrapped(env=Shade(render_mode="human"))
    human.reset()
    with pytest.raises(ValueError, match=r"render_mode='rgb_array'"):
        human.step(0)


def test_gymnasiums_checker_passes() -> None:
    env = VLMReward(gym.make("Shade-v0", render_mode="rgb_array"), ShadeClient(), "r", on_null="raise")
    with warnings.catch_warnings():
        warnings.filterwarnings("error")
        # of every wrapped environment
        warnings.filterwarnings("ignore", message=".*different from the unwrapped version.*")
        # of a custom environment that the checker makes again in each render mode
        check_env(env)


def test_it_is_made_again_from_its_spec() -> None:
    client = ShadeClient()
    env = VLMReward(gym.make("Shade-v0", render_mode="rgb_array"), client, "r", on_null="raise")
    assert env.spec is not None
    again = gym.make(env.spec)
    assert [reward for reward, _ in episode(again)] == [11.0, 12.0, 13.0, 14.0]


def test_time_limits_below_and_above_it_end_episodes_with_their_own_frame() -> None:
    for env in (wrapped(env=TimeLimit(shade(), 2)), TimeLimit(wrapped(), 2)):
        assert [reward for reward, _ in episode(env)] == [11.0, 12.0]


def test_frame_skipping_below_it_scores_the_last_frame_and_above_it_adds_rewards() -> None:
    assert [reward for reward, _ in episode(wrapped(env=RepeatAction(shade(), 2)))] == [12.0, 14.0]
    assert [reward for reward, _ in episode(RepeatAction(wrapped(), 2))] == [23.0, 27.0]


def test_record_episode_statistics_sums_the_rewards_of_its_place() -> None:
    inside = episode(wrapped(env=RecordEpisodeStatistics(shade())))[-1][1]
    outside = episode(RecordEpisodeStatistics(wrapped()))[-1][1]
    assert inside["episode"]["r"] == LENGTH * TRUE_REWARD
    assert outside["episode"]["r"] == 11 + 12 + 13 + 14


def test_other_wrappers_do_not_mind_it() -> None:
    env = FrameStackObservation(wrapped(), 2)
    assert [reward for reward, _ in episode(env)] == [11.0, 12.0, 13.0, 14.0]
    assert env.get_wrapper_attr("reward_id") == "abc"


class Clip:
    """Stands in for moviepy's: it keeps the frames."""

    frames: dict[str, int] = {}  # noqa: RUF012 - of all clips

    def __init__(self, frames: list[Any], fps: int) -> None:
        self.count = len(frames)

    def write_videofile(self, path: str, logger: object) -> None:
        Clip.frames[Path(path).name] = self.count


@pytest.fixture
def moviepy(monkeypatch: pytest.MonkeyPatch) -> None:
    """RecordVideo needs it, and it is not installed: the frames that it is given are counted."""
    for name in ("moviepy", "moviepy.video", "moviepy.video.io", "moviepy.video.io.ImageSequenceClip"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules["moviepy.video.io.ImageSequenceClip"].ImageSequenceClip = Clip  # type: ignore[attr-defined]
    Clip.frames.clear()


@pytest.mark.usefixtures("moviepy")
def test_record_video_above_and_below_it_records_every_frame(tmp_path: Path) -> None:
    below = wrapped(env=RecordVideo(shade(), str(tmp_path / "below"), name_prefix="below"))
    above = RecordVideo(wrapped(), str(tmp_path / "above"), name_prefix="above")
    for env in (below, above):
        assert [reward for reward, _ in episode(env)] == [11.0, 12.0, 13.0, 14.0]
        env.close()
    assert Clip.frames == {"below-episode-0.mp4": LENGTH + 1, "above-episode-0.mp4": LENGTH + 1}


def test_human_rendering_shows_what_it_scores() -> None:
    env: Env = HumanRendering(wrapped())
    assert [reward for reward, _ in episode(env)] == [11.0, 12.0, 13.0, 14.0]
    env.close()


def makers() -> list[Callable[[], Env]]:
    """Two environments, the second one with a frame that has no reward; they share a client."""
    client = ShadeClient(nulls=[22])

    def maker(first: int) -> Callable[[], Env]:
        return lambda: VLMReward(Shade("rgb_array", first=first), client, "r", on_null="skip")

    return [maker(10), maker(20)]


MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED]


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_in_a_vector_environment_each_keeps_its_own_frames(mode: AutoresetMode) -> None:
    envs = SyncVectorEnv(makers(), autoreset_mode=mode)
    envs.reset()
    steps = [envs.step(np.zeros(2, np.int64)) for _ in range(LENGTH)]
    np.testing.assert_array_equal(
        np.array([step[1] for step in steps]), [[11, 21], [12, np.nan], [13, 23], [14, 24]]
    )
    last = steps[-1][4]
    infos = last["final_info"] if mode is AutoresetMode.SAME_STEP else last
    np.testing.assert_array_equal(infos["true_reward"], [TRUE_REWARD] * 2)
    np.testing.assert_array_equal(steps[1][4]["vlm_mask"], [True, False])
    if mode is AutoresetMode.NEXT_STEP:  # the environments are only reset
        _, rewards, _, _, infos = envs.step(np.zeros(2, np.int64))
        assert rewards.tolist() == [0.0, 0.0]
        assert "vlm_mask" not in infos
    envs.close()


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_it_works_in_processes_of_its_own(mode: AutoresetMode) -> None:
    envs = AsyncVectorEnv(makers(), context="spawn", autoreset_mode=mode)
    envs.reset()
    rewards = [envs.step(np.zeros(2, np.int64))[1] for _ in range(LENGTH)]
    np.testing.assert_array_equal(np.array(rewards), [[11, 21], [12, np.nan], [13, 23], [14, 24]])
    assert envs.get_attr("reward_id") == ("abc", "abc")
    envs.close()


def test_six_lines_get_rewards_from_a_server() -> None:
    with graded() as server, RewardClient(f"http://127.0.0.1:{server.port}") as client:
        cartpole = gym.make("CartPole-v1", render_mode="rgb_array")
        env = VLMReward(cartpole, client, "cartpole-upright", on_null="raise")
        env.reset(seed=0)
        _, reward, _, _, info = env.step(0)
        after: Any = cartpole.render()
        assert reward == client.score([after], "cartpole-upright").data[0].reward
        assert info["true_reward"] == 1.0
        env.close()


@pytest.mark.slow
def test_a_client_travels_to_processes_with_its_environment() -> None:
    with graded() as server, RewardClient(f"http://127.0.0.1:{server.port}") as client:
        client.info()  # it has a connection already

        def maker(first: int) -> Callable[[], Env]:
            return lambda: VLMReward(
                Shade("rgb_array", first=first), client, "cartpole-upright", on_null="raise"
            )

        envs = AsyncVectorEnv([maker(10), maker(200)], context="spawn")
        envs.reset()
        rewards = envs.step(np.zeros(2, np.int64))[1]
        assert rewards == pytest.approx([11 / 255, 201 / 255], abs=1e-3)
        envs.close()


def test_it_can_be_pickled_with_its_client_and_what_it_knows() -> None:
    client = RewardClient("http://127.0.0.1:1", api_key="key")
    env = VLMReward(shade(), client, "r", on_null="raise", reward_id="abc", late=4)
    arrived = pickle.loads(pickle.dumps(env))
    assert arrived.reward_id == "abc"
    client.close()


def test_closing_it_leaves_the_client_open() -> None:
    with RewardClient("http://127.0.0.1:1") as client:
        VLMReward(shade(), client, "r", on_null="raise").close()
        assert client.is_ready() is False  # a closed one would raise


@pytest.mark.vllm
def test_a_real_server_rewards_cartpole(client: RewardClient) -> None:
    env = VLMReward(
        gym.make("CartPole-v1", render_mode="rgb_array"), client, "cartpole-upright", on_null="raise"
    )
    env.reset(seed=0)
    steps = [env.step(1) for _ in range(8)]
    upright, leaning = float(steps[0][1]), float(steps[-1][1])
    assert upright > 0.5
    assert leaning < upright
    assert env.reward_id == client.info().rubrics["cartpole-upright"].reward_id
    env.close()
