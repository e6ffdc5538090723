"""Where the reward comes from in each arm."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.config import Arm, ConfigError, DqnConfig, TrainConfig
from agent.recording.run_folder import read_rows
from agent.rewards.arms import chunk_rewards
from agent.training.train import Trainer
from reward_client.rubric import DistanceMap
from reward_server.reading.readouts import Reading
from reward_server.reading.reward_maps import reward_of
from reward_tasks.cartpole import CartPole
from reward_tasks.catalog import TASKS, find_task
from reward_tasks.mountain_car import MountainCar
from tests.fakes import FakeClient, server_info

SCORED: list[float | None] = [0.1, 0.2, None, 0.4, 0.5, 0.6]
TRUE: NDArray[np.float64] = np.arange(6, dtype=np.float64)
AFTER = np.zeros((6, 4), dtype=np.float32)
TASK = CartPole()


def rewards(arm: Arm, seed: int = 0, scored: list[float | None] | None = None) -> list[float | None]:
    given = SCORED if scored is None else scored
    count, rng = len(given), np.random.default_rng(seed)
    return chunk_rewards(arm, TASK, given, TRUE[:count], AFTER[:count], rng)


def test_each_arm_has_its_own_source() -> None:
    assert rewards(Arm.VLM) == SCORED
    assert rewards(Arm.ENV) == TRUE.tolist()
    assert rewards(Arm.ORACLE) == [1.0] * 6
    assert len(set(rewards(Arm.CONSTANT))) == 1
    drawn = rewards(Arm.RANDOM)
    assert len(set(drawn)) == 6
    assert all(reward is not None and 0 <= reward < 1 for reward in drawn)


def test_the_controls_of_cartpole_draw_what_they_always_drew() -> None:
    """Runs of before can be gone on with: not one bit of their rewards is another."""
    assert rewards(Arm.CONSTANT) == [0.5] * 6
    assert rewards(Arm.RANDOM) == np.random.default_rng(0).random(6).tolist()


def test_controls_that_see_nothing_keep_to_the_range_of_the_oracle() -> None:
    """On MountainCar a reward above 0 would pay for never reaching the flag."""
    after, rng = np.zeros((500, 2), dtype=np.float32), np.random.default_rng(0)
    none: NDArray[np.float64] = np.zeros(500)
    constant = chunk_rewards(Arm.CONSTANT, MountainCar(), [], none, after, rng)
    drawn = chunk_rewards(Arm.RANDOM, MountainCar(), [], none, after, rng)
    assert set(constant) == {-0.5}
    assert -1 <= min(map(float, filter(None, drawn))) < -0.98
    assert 0 > max(map(float, filter(None, drawn))) > -0.02


@pytest.mark.parametrize("name", TASKS)
def test_the_oracles_rewards_reach_from_one_bound_to_the_other(name: str) -> None:
    task, rng = find_task(name), np.random.default_rng(0)
    states = task.sweep(4000, rng)
    given = task.oracle(np.stack([task.observation(state) for state in states]))
    low, high = task.oracle_bounds
    assert low - 1e-6 <= given.min() < low + 0.02
    assert high + 1e-6 >= given.max() > high - 0.02


@pytest.mark.parametrize("seed", range(20))
def test_shuffled_gives_every_step_the_reward_of_another_one(seed: int) -> None:
    given = rewards(Arm.SHUFFLED, seed)
    assert given[2] is None
    assert sorted(r for r in given if r is not None) == sorted(r for r in SCORED if r is not None)
    assert all(a is None or a != b for a, b in zip(given, SCORED, strict=True))


def test_shuffled_has_nothing_to_give_a_step_alone() -> None:
    assert rewards(Arm.SHUFFLED, scored=[0.3, None]) == [None, None]


def test_resampled_draws_every_steps_reward_from_the_whole_pool() -> None:
    rng, pool = np.random.default_rng(0), np.array([0.7, 0.8, 0.8, 0.8])
    given = np.array([chunk_rewards(Arm.RESAMPLED, TASK, [], TRUE, AFTER, rng, pool) for _ in range(300)])
    assert set(given.flat) == {0.7, 0.8}
    np.testing.assert_allclose((given == 0.7).mean(axis=0), 0.25, atol=0.1)
    with pytest.raises(ValueError, match="draw from"):
        rewards(Arm.RESAMPLED)


def test_resampled_draws_from_a_finished_run_of_vlm_alone(tmp_path: Path) -> None:
    base: dict[str, Any] = {
        "runs": tmp_path,
        "env_steps": 128,
        "learning_starts": 64,
        "eval_episodes": 1,
    }
    Trainer(TrainConfig(name="vlm", **base), FakeClient(), server_info()).run()
    Trainer(TrainConfig(name="env", arm=Arm.ENV, **base)).run()
    vlm = {row["reward"] for row in read_rows(tmp_path / "vlm" / "labels.jsonl")}
    trainer = Trainer(TrainConfig(name="r", arm=Arm.RESAMPLED, rewards_of=tmp_path / "vlm", seed=5, **base))
    trainer.run()
    drawn = trainer.replay.state()["rewards"]
    assert {round(float(reward), 6) for reward in drawn} <= {round(reward, 6) for reward in vlm}
    for other in ("env", "none"):
        with pytest.raises(ConfigError, match="no finished run of the arm vlm"):
            Trainer(TrainConfig(name="x", arm=Arm.RESAMPLED, rewards_of=tmp_path / other, **base))


@pytest.mark.parametrize("angle_deg", [0.0, 1.5, -6.0, 12.0, -40.0, 180.0])
def test_the_oracle_is_the_rubrics_reward_of_the_true_tilt(angle_deg: float) -> None:
    reading = Reading(angle_deg)
    expected = reward_of(DistanceMap(type="distance", target=0, tolerance=12), reading)
    observation = np.array([[0, 0, math.radians(angle_deg), 0]])
    assert TASK.oracle(observation)[0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("arm", [Arm.ENV, Arm.ORACLE, Arm.CONSTANT, Arm.RANDOM])
def test_arms_without_a_vlm_need_no_server(tmp_path: Path, arm: Arm) -> None:
    config = TrainConfig(runs=tmp_path, env_steps=128, learning_starts=64, eval_episodes=1, arm=arm)
    summary = Trainer(config).run()
    assert (summary["arm"], summary["model"], summary["frames_scored"]) == (arm.value, None, 0)
    assert not list((config.folder / "samples").glob("*.png"))


@pytest.mark.slow
def test_all_arms_explore_alike(tmp_path: Path) -> None:
    """With all actions random, the states visited are the same whatever is learned."""

    def visited(arm: Arm, client: Any) -> NDArray[np.float32]:
        options: dict[str, Any] = {
            "epsilon_end": 1.0,
            "env_steps": 192,
            "learning_starts": 32,
            "eval_episodes": 1,
        }
        source = tmp_path / Arm.VLM if arm == Arm.RESAMPLED else None
        config = TrainConfig(runs=tmp_path, name=arm.value, arm=arm, rewards_of=source, **options)
        trainer = Trainer(config, client, server_info())
        trainer.run()
        states: NDArray[np.float32] = trainer.replay.state()["observations"]
        return states

    expected = visited(Arm.VLM, FakeClient())
    for arm in Arm:
        client = FakeClient() if arm.scores_frames else None
        np.testing.assert_array_equal(visited(arm, client), expected)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_envs": 3}, "multiple of --num-envs"),
        ({"env_steps": 0}, "--env-steps must be at least 1"),
        ({"max_failed_share": 1.5}, "--max-failed-share must be at most 1"),
        ({"learning_starts": 60_000}, "--learning-starts"),
        ({"dqn": DqnConfig(target_every=0)}, "--target-every must be at least 1"),
        ({"dqn": DqnConfig(discount=1.1)}, "--discount must be at most 1"),
        ({"gradient_steps": -5}, "--gradient-steps"),
        ({"name": ""}, "--name"),
        ({"name": "../elsewhere"}, "--name"),
        ({"samples": -1}, "--samples"),
        ({"env_steps": 500}, "--learning-starts 512 is not below --env-steps 500"),
        ({"arm": Arm.RESAMPLED}, "--rewards-of"),
        ({"rewards_of": Path("runs/x")}, "--rewards-of"),
    ],
)
def test_options_out_of_range_are_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        TrainConfig(**changes)
