"""The agent's parts: labels in order, replay, the learner, evaluation, samples."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from agent.config import TrainConfig
from agent.recording.marked_frame import mark
from agent.recording.newest_frames import NewestFrames
from agent.recording.recorder import Recorder
from agent.recording.samples import Samples
from agent.training.evaluate import true_returns
from agent.training.train import Trainer
from reward_client.errors import UnavailableError
from reward_client.labeling.labeler import Labeler
from reward_client.schema import ItemStatus, RewardItem, ScoreResponse
from reward_client.wording.ensemble import AnyRubric
from reward_tasks.cartpole import CartPole
from reward_tasks.catalog import TASKS, find_task
from tests.fakes import FakeClient, response, server_info

COUNT = 10
FRAME = np.full((400, 600, 3), 255, dtype=np.uint8)


def numbered(n: int) -> NDArray[np.uint8]:
    return np.full((2, 2, 3), n, dtype=np.uint8)


class SlowestFirst:
    """Answers a frame with its number; the first requests take the longest."""

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: AnyRubric) -> ScoreResponse:
        time.sleep(0.1 / (1 + int(frames[0][0, 0, 0])))
        return response([float(frame[0, 0, 0]) for frame in frames])


class Broken:
    """A server that is gone."""

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: AnyRubric) -> ScoreResponse:
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


def tilted(tilt_deg: float) -> NDArray[np.float32]:
    return np.array([0.0, 0.0, math.radians(tilt_deg), 0.0], dtype=np.float32)


def offered(samples: Samples, step: int, label: RewardItem, tilt_deg: float) -> str | None:
    """Why a frame was kept, if it was."""
    chosen = samples.choice(step, label, tilted(tilt_deg))
    if chosen is not None:
        samples.add(FRAME, label, tilted(tilt_deg), episode=1, step=step + 1, chosen=chosen)
    return chosen


def kept(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "samples" / "samples.jsonl").read_text().splitlines()]


def test_the_first_frames_are_kept_with_their_answers(tmp_path: Path) -> None:
    samples = Samples(tmp_path, CartPole(), COUNT)
    for n in range(COUNT):
        assert offered(samples, n, item(float(n), "deg"), 5.0) == "first"
    assert offered(samples, COUNT, item(1.0, "deg"), 5.0) == "stratified"
    assert offered(samples, COUNT + 1, item(1.0, "deg"), 5.0) is None
    records = kept(tmp_path)
    assert [record["value"] for record in records] == [*range(COUNT), 1.0]
    assert [record["chosen"] for record in records] == ["first"] * COUNT + ["stratified"]
    assert records[0]["file"] == "episode_1_step_1.png"
    assert records[0]["true_tilt_deg"] == pytest.approx(5.0, abs=1e-4)
    with Image.open(tmp_path / "samples" / "episode_1_step_1.png") as picture:
        assert (np.asarray(picture) == FRAME).all()
    assert (tmp_path / "samples_marked" / "episode_1_step_10.png").is_file()


def test_frames_without_a_reward_are_kept_beside_those_that_were_asked_for(tmp_path: Path) -> None:
    samples, failed = Samples(tmp_path, CartPole(), 2, every=10), item(None, None)
    why = {}
    for step in range(40):
        label = failed if step in {3, 10, 17, 18} else item(1.0, "deg")
        if chosen := offered(samples, step, label, -5.0):
            why[step] = chosen
    assert why == {0: "first", 1: "stratified", 3: "failed", 10: "first", 17: "failed"}


@pytest.mark.parametrize("reward", [0.0, 1.0, None])
def test_one_frame_of_each_stratum_of_the_truth_is_kept_whatever_its_reward(
    tmp_path: Path, reward: float | None
) -> None:
    """CartPole's sweep has tilts of up to 15 degrees: ten strata of 3 degrees, from -15 to 15."""
    samples = Samples(tmp_path, CartPole(), 10, every=1000)
    tilts = [0.5, 1.0, 14.0, 40.0, -1.0, -2.0, 4.0, 7.5, 0.7, 10.0, -40.0, -10.0, -7.0, -4.0, 0.1]
    for step, tilt_deg in enumerate(tilts):
        offered(samples, 1 + step, item(reward, "deg"), tilt_deg)
    stratified = [record["true_tilt_deg"] for record in kept(tmp_path) if record["chosen"] == "stratified"]
    expected = [0.5, 14.0, -1.0, 4.0, 7.5, 10.0, -40.0, -10.0, -7.0, -4.0]
    assert stratified == pytest.approx(expected, abs=1e-4)


def test_the_strata_go_on_where_they_were(tmp_path: Path) -> None:
    first = Samples(tmp_path, CartPole(), 10, every=1000)
    assert offered(first, 1, item(1.0, "deg"), 5.0) == "stratified"
    position = json.loads(json.dumps(first.position()))
    offered(first, 2, item(1.0, "deg"), -5.0)  # after the checkpoint
    again = Samples(tmp_path, CartPole(), 10, 1000, position)
    assert offered(again, 3, item(1.0, "deg"), 5.0) is None
    assert offered(again, 3, item(1.0, "deg"), -5.0) == "stratified"
    assert [record["file"] for record in kept(tmp_path)] == ["episode_1_step_2.png", "episode_1_step_4.png"]


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_strata_that_its_states_fill(tmp_path: Path, name: str) -> None:
    task = find_task(name)
    samples, states = Samples(tmp_path, task, 5, every=1000), task.sweep(300, np.random.default_rng(9))
    observations = np.stack([task.observation(state) for state in states])
    rows = samples.rows_to_keep(1, observations)
    assert len(rows) == 5
    first = task.truth(observations)[task.columns[0].name]
    edges = np.linspace(first.min(), first.max(), 6)
    assert len({int(np.digitize(first[row], edges[1:-1])) for row in rows}) >= 4


class Picky(SlowestFirst):
    """A server that takes 8 images in one request."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: AnyRubric) -> ScoreResponse:
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


def test_whatever_becomes_of_the_newest_frames_the_other_files_are_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_newest: NewestFrames) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(NewestFrames, "close", fails)
    recorder = Recorder(TrainConfig(runs=tmp_path, name="r"), CartPole(), None, "cartpole-angle")
    with pytest.raises(RuntimeError, match="can't start new thread"):
        recorder.finish({})
    assert recorder._metrics.closed
    assert recorder._labels.closed


def test_a_chunk_keeps_the_frames_of_samples_and_the_newest_ones_alone(tmp_path: Path) -> None:
    config = TrainConfig(
        runs=tmp_path, env_steps=128, learning_starts=64, eval_episodes=1, samples=3, sample_every=5
    )
    trainer = Trainer(config, FakeClient(), server_info())
    with Labeler(FakeClient(), "r") as trainer.labeler:
        chunk = trainer._act()
        tilts = CartPole().truth(chunk.next_observations)["tilt_deg"]
        strata = np.digitize(tilts, np.linspace(-15.0, 15.0, 4)[1:-1])
        newest = {0, 17, 34, 51}
        others = [row for row in range(64) if row not in {0, 5, 10}]
        first_ones = {int(strata[row]): row for row in reversed(others)}
        assert len(first_ones) > 1
        assert set(chunk.frames) == {0, 5, 10, *first_ones.values(), *newest}
        chunk.wait()
        assert set(chunk.frames) == {0, 5, 10, *first_ones.values(), *newest}
        trainer._take(chunk)
    with Labeler(FakeClient(reward=None), "r") as trainer.labeler:
        chunk = trainer._act()
        assert len(set(chunk.frames) - {4, 21, 38, 55}) <= 3 - len(
            first_ones
        )  # of strata that are empty still
        chunk.wait()
        assert len(chunk.frames) == 64  # any of them may become a sample of a failure
    trainer.recorder.finish({})
    trainer.envs.close()
