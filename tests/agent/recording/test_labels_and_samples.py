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
from numpy.typing import NDArray
from PIL import Image

from agent.config import TrainConfig
from agent.recording.marked_frame import mark
from agent.recording.samples import Samples
from agent.rewards.labeler import Labeler
from agent.training.evaluate import true_returns
from agent.training.train import Trainer
from reward_client.errors import UnavailableError
from reward_client.rubric import Rubric
from reward_client.schema import ItemStatus, RewardItem, ScoreResponse
from reward_tasks.cartpole import CartPole
from tests.fakes import FakeClient, response, server_info

COUNT = 10
FRAME = np.full((400, 600, 3), 255, dtype=np.uint8)


def numbered(n: int) -> NDArray[np.uint8]:
    return np.full((2, 2, 3), n, dtype=np.uint8)


class SlowestFirst:
    """Answers a frame with its number; the first requests take the longest."""

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: str | Rubric) -> ScoreResponse:
        time.sleep(0.1 / (1 + int(frames[0][0, 0, 0])))
        return response([float(frame[0, 0, 0]) for frame in frames])


class Broken:
    """A server that is gone."""

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: str | Rubric) -> ScoreResponse:
        raise UnavailableError("gone")


def test_labels_come_back_in_the_order_of_the_frames() -> None:
    with Labeler(SlowestFirst(), "r") as labeler:
        for count in (70, 5):
            for n in range(count):
                labeler.submit(numbered(n))
            assert [item.reward for item in labeler.end_chunk().result()] == list(range(count))
        assert labeler.end_chunk().result() == []


def test_labels_of_a_chunk_can_be_waited_for_while_the_next_one_is_sent() -> None:
    with Labeler(SlowestFirst(), "r") as labeler:
        for n in (1, 2):
            labeler.submit(numbered(n))
        first = labeler.end_chunk()
        labeler.submit(numbered(3))
        assert [item.reward for item in labeler.end_chunk().result()] == [3]
        assert [item.reward for item in first.result()] == [1, 2]


def test_a_failed_request_reaches_the_caller() -> None:
    with Labeler(Broken(), "r") as labeler:
        labeler.submit(numbered(1))
        with pytest.raises(UnavailableError):
            labeler.end_chunk().result()


def test_exploration_falls_linearly_and_stays() -> None:
    config = TrainConfig(epsilon_end=0.1, epsilon_decay_steps=100)
    assert [round(config.epsilon(step), 3) for step in (0, 50, 100, 1000)] == [1.0, 0.55, 0.1, 0.1]


def test_evaluation_plays_whole_episodes_by_the_environments_own_reward() -> None:
    def push_left(observations: NDArray[np.float32]) -> NDArray[np.int64]:
        return np.zeros(len(observations), dtype=np.int64)

    returns = true_returns(push_left, 5, CartPole())
    env = gym.make("CartPole-v1")
    env.reset(seed=1_000_000)
    steps, ended = 0, False
    while not ended:
        ended = env.step(0)[2]
        steps += 1
    assert returns.shape == (5,)
    assert returns[0] == steps
    assert (returns == true_returns(push_left, 5, CartPole())).all()


def item(value: float | None, unit: str | None) -> RewardItem:
    status = ItemStatus.OK if value is not None else ItemStatus.FAILED
    return RewardItem(index=0, reward=value, status=status, value=value, unit=unit, text="5")


def test_the_needle_is_drawn_where_the_answer_says() -> None:
    marked = np.asarray(mark(FRAME, item(30.0, "deg"), CartPole(), np.zeros(4, np.float32)))
    red = (marked[..., 0] > 150) & (marked[..., 1] < 90)
    rows, columns = np.nonzero(red)
    top = rows.argmin()
    dx, dy = columns[top] - 300, 292.5 - rows[top]
    assert math.degrees(math.atan2(dx, dy)) == pytest.approx(30.0, abs=1.0)
    nothing = np.asarray(mark(FRAME, item(None, None), CartPole(), np.zeros(4, np.float32)))
    assert not ((nothing[..., 0] > 150) & (nothing[..., 1] < 90)).any()


def test_the_first_frames_are_kept_with_their_answers(tmp_path: Path) -> None:
    samples = Samples(tmp_path, CartPole(), COUNT)
    state = np.array([0.0, 0.0, 0.1, 0.0], dtype=np.float32)
    for n in range(COUNT):
        assert samples.wants(n, item(float(n), "deg"))
        samples.add(FRAME, item(float(n), "deg"), state, episode=1, step=n + 1)
    assert not samples.wants(COUNT, item(1.0, "deg"))
    records = [json.loads(line) for line in (tmp_path / "samples" / "samples.jsonl").read_text().splitlines()]
    assert [record["value"] for record in records] == list(range(COUNT))
    assert records[0]["file"] == "episode_1_step_1.png"
    assert records[0]["true_tilt_deg"] == pytest.approx(math.degrees(0.1), abs=1e-4)
    with Image.open(tmp_path / "samples" / "episode_1_step_1.png") as kept:
        assert (np.asarray(kept) == FRAME).all()
    assert (tmp_path / "samples_marked" / "episode_1_step_10.png").is_file()


def test_frames_without_a_reward_are_kept_beside_those_that_were_asked_for(tmp_path: Path) -> None:
    samples = Samples(tmp_path, CartPole(), 2, every=10)
    failed, state = item(None, None), np.zeros(4, dtype=np.float32)
    kept = []
    for step in range(40):
        label = failed if step in {3, 10, 17, 18} else item(1.0, "deg")
        if samples.wants(step, label):
            kept.append(step)
            samples.add(FRAME, label, state, episode=1, step=step + 1)
    assert kept == [0, 3, 10]


class Picky(SlowestFirst):
    """A server that takes 8 images in one request."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: str | Rubric) -> ScoreResponse:
        self.sizes.append(len(frames))
        return super().score(frames, rubric)


def test_no_request_is_larger_than_the_server_takes() -> None:
    client = Picky()
    with Labeler(client, "r", max_images=8) as labeler:
        for shade in range(20):
            labeler.submit(np.full((2, 2, 3), shade, dtype=np.uint8))
        labels = labeler.end_chunk().result()
    assert sorted(client.sizes) == [4, 8, 8]
    assert [label.reward for label in labels] == [float(shade) for shade in range(20)]


def test_a_run_asks_for_as_many_images_as_the_server_takes(tmp_path: Path) -> None:
    client, info = Picky(), server_info()
    few = info.model_copy(update={"limits": info.limits.model_copy(update={"max_images_per_request": 8})})
    config = TrainConfig(
        runs=tmp_path, env_steps=128, learning_starts=64, eval_episodes=1, eval_every=0, gradient_steps=0
    )
    Trainer(config, client, few).run()
    assert max(client.sizes) == 8
    assert sum(client.sizes) == 128


def test_a_chunk_keeps_the_frames_of_samples_alone(tmp_path: Path) -> None:
    config = TrainConfig(
        runs=tmp_path, env_steps=128, learning_starts=64, eval_episodes=1, samples=3, sample_every=5
    )
    trainer = Trainer(config, FakeClient(), server_info())
    with Labeler(FakeClient(), "r") as trainer.labeler:
        chunk = trainer._act()
        assert sorted(chunk.frames) == [0, 5, 10]
        chunk.wait()
        assert sorted(chunk.frames) == [0, 5, 10]
    with Labeler(FakeClient(reward=None), "r") as trainer.labeler:
        chunk = trainer._act()
        assert chunk.frames == {}
        chunk.wait()
        assert len(chunk.frames) == 64  # any of them may become a sample of a failure
    trainer.recorder.finish({})
    trainer.envs.close()
