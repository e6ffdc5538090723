"""The agent's parts: labels in order, replay, the learner, evaluation, samples."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from agent.config import TrainConfig
from agent.dqn import OBSERVATION_SCALE, Dqn, DqnConfig
from agent.evaluate import true_returns
from agent.labeler import Labeler
from agent.replay import Replay, Transitions
from agent.samples import COUNT, Samples, mark
from reward_client.errors import UnavailableError
from reward_client.schema import ItemStatus, RewardItem, ScoreResponse
from tests.fakes import response

FRAME = np.full((400, 600, 3), 255, dtype=np.uint8)


def numbered(n: int) -> NDArray[np.uint8]:
    return np.full((2, 2, 3), n, dtype=np.uint8)


class SlowestFirst:
    """Answers a frame with its number; the first requests take the longest."""

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: str) -> ScoreResponse:
        time.sleep(0.1 / (1 + int(frames[0][0, 0, 0])))
        return response([float(frame[0, 0, 0]) for frame in frames])


class Broken:
    """A server that is gone."""

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: str) -> ScoreResponse:
        raise UnavailableError("gone")


def test_labels_come_back_in_the_order_of_the_frames() -> None:
    with Labeler(SlowestFirst(), "r") as labeler:
        for count in (70, 5):
            for n in range(count):
                labeler.submit(numbered(n))
            assert [item.reward for item in labeler.collect()] == list(range(count))
        assert labeler.collect() == []


def test_a_failed_request_reaches_the_caller() -> None:
    with Labeler(Broken(), "r") as labeler:
        labeler.submit(numbered(1))
        with pytest.raises(UnavailableError):
            labeler.collect()


def test_replay_keeps_the_last_transitions() -> None:
    replay = Replay(3, observation_size=1)
    for n in range(5):
        replay.add(np.array([n], np.float32), n, float(n), np.array([n + 1], np.float32), n == 4)
    batch = replay.sample(200, np.random.default_rng(0))
    assert len(replay) == 3
    assert set(batch.rewards.tolist()) == {2.0, 3.0, 4.0}
    assert (batch.observations[:, 0] == batch.rewards).all()
    assert (batch.next_observations[:, 0] == batch.rewards + 1).all()
    assert (batch.terminated == (batch.rewards == 4.0)).all()


def test_an_empty_replay_cannot_be_sampled() -> None:
    with pytest.raises(ValueError, match="empty"):
        Replay(3, 1).sample(1, np.random.default_rng(0))


def one(reward: float, terminated: bool) -> Transitions:
    state = np.array([[0.1, 0.2, 0.3, 0.4]], dtype=np.float32)
    return Transitions(
        state,
        np.array([1]),
        np.array([reward], np.float32),
        state,
        np.array([terminated]),
    )


@pytest.mark.parametrize("terminated", [True, False])
def test_the_update_moves_the_value_towards_the_double_dqn_target(terminated: bool) -> None:
    dqn = Dqn(DqnConfig(), seed=0)
    batch = one(2.0, terminated)
    state = torch.from_numpy(batch.observations / OBSERVATION_SCALE)
    with torch.no_grad():
        before = float(dqn.online(state)[0, 1])
        best = int(dqn.online(state).argmax())
        bootstrap = 0.99 * float(dqn.target(state)[0, best])
    target = 2.0 if terminated else 2.0 + bootstrap
    loss = dqn.update(batch, progress=0.0)
    error = abs(target - before)
    assert loss == pytest.approx(0.5 * error**2 if error < 1 else error - 0.5, rel=1e-4)
    assert abs(target - float(dqn.online(state)[0, 1].detach())) < error


def test_the_target_network_follows_slowly() -> None:
    dqn = Dqn(DqnConfig(target_rate=0.25), seed=0)
    before = [p.clone() for p in dqn.target.parameters()]
    dqn.update(one(1.0, True), progress=0.0)
    for old, slow, fast in zip(before, dqn.target.parameters(), dqn.online.parameters(), strict=True):
        torch.testing.assert_close(slow, 0.75 * old + 0.25 * fast)


def test_equal_seeds_give_equal_networks_and_leave_the_global_state_alone() -> None:
    state = torch.get_rng_state()
    a, b, c = (next(Dqn(DqnConfig(), seed).online.parameters()) for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert torch.equal(torch.get_rng_state(), state)


def test_exploration_falls_linearly_and_stays() -> None:
    config = TrainConfig(epsilon_end=0.1, epsilon_decay_steps=100)
    assert [round(config.epsilon(step), 3) for step in (0, 50, 100, 1000)] == [1.0, 0.55, 0.1, 0.1]


def test_evaluation_plays_whole_episodes_by_the_environments_own_reward() -> None:
    def push_left(observations: NDArray[np.float32]) -> NDArray[np.int64]:
        return np.zeros(len(observations), dtype=np.int64)

    returns = true_returns(push_left, 5)
    env = gym.make("CartPole-v1")
    env.reset(seed=1_000_000)
    steps, ended = 0, False
    while not ended:
        ended = env.step(0)[2]
        steps += 1
    assert returns.shape == (5,)
    assert returns[0] == steps
    assert (returns == true_returns(push_left, 5)).all()


def item(value: float | None, unit: str | None) -> RewardItem:
    status = ItemStatus.OK if value is not None else ItemStatus.FAILED
    return RewardItem(index=0, reward=value, status=status, value=value, unit=unit, text="5")


def test_the_needle_is_drawn_where_the_answer_says() -> None:
    marked = np.asarray(mark(FRAME, item(30.0, "deg"), position=0.0, true_deg=0.0))
    red = (marked[..., 0] > 150) & (marked[..., 1] < 90)
    rows, columns = np.nonzero(red)
    top = rows.argmin()
    dx, dy = columns[top] - 300, 292.5 - rows[top]
    assert math.degrees(math.atan2(dx, dy)) == pytest.approx(30.0, abs=1.0)
    nothing = np.asarray(mark(FRAME, item(None, None), position=0.0, true_deg=0.0))
    assert not ((nothing[..., 0] > 150) & (nothing[..., 1] < 90)).any()


def test_the_first_frames_are_kept_with_their_answers(tmp_path: Path) -> None:
    samples = Samples(tmp_path)
    state = np.array([0.0, 0.0, 0.1, 0.0], dtype=np.float32)
    for n in range(COUNT):
        assert not samples.full
        samples.add(FRAME, item(float(n), "deg"), state, episode=1, step=n + 1)
    assert samples.full
    records = [json.loads(line) for line in (tmp_path / "samples" / "samples.jsonl").read_text().splitlines()]
    assert [record["value"] for record in records] == list(range(COUNT))
    assert records[0]["file"] == "episode_1_step_1.png"
    assert records[0]["true_angle_deg"] == pytest.approx(math.degrees(0.1), abs=1e-4)
    with Image.open(tmp_path / "samples" / "episode_1_step_1.png") as kept:
        assert (np.asarray(kept) == FRAME).all()
    assert (tmp_path / "samples_marked" / "episode_1_step_10.png").is_file()
