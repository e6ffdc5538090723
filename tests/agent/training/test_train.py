"""The training loop, with a stand-in for the server: what it learns from, what it leaves, how it ends."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import agent.training.train
from agent.config import TrainConfig
from agent.reporting.run_report import write_report
from agent.training.learner.dqn import update
from agent.training.train import Trainer
from reward_client.errors import ServerUnreachableError
from reward_client.schema import ItemStatus, ScoreResponse
from reward_client.wording.ensemble import AnyRubric
from tests.fakes import FakeClient, response, server_info


def config(tmp_path: Path, **changes: Any) -> TrainConfig:
    short: dict[str, Any] = {
        "runs": tmp_path,
        "name": "cartpole",
        "env_steps": 300,
        "chunk_steps": 64,
        "learning_starts": 64,
        "eval_episodes": 3,
    }
    return TrainConfig(**{**short, **changes})


def summary(tmp_path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((tmp_path / "cartpole" / "summary.json").read_text())
    return loaded


def test_a_run_leaves_its_files(tmp_path: Path) -> None:
    client = FakeClient()
    returned = Trainer(config(tmp_path), client, server_info()).run()
    folder = tmp_path / "cartpole"
    assert returned == summary(tmp_path)
    assert returned["arm"] == "vlm"
    assert returned["env_steps"] == returned["frames_scored"] == len(client.frames) == 300
    assert (returned["frames_failed"], returned["eval_episodes"], returned["error"]) == (0, 3, None)
    assert returned["reward_id"] == "abc"
    assert returned["solved"] == (returned["mean_return"] >= 475)
    samples = [json.loads(line) for line in (folder / "samples" / "samples.jsonl").read_text().splitlines()]
    assert [sample["chosen"] for sample in samples].count("first") == 10
    for name in ("samples", "samples_marked"):
        assert {path.name for path in (folder / name).glob("*.png")} == {sample["file"] for sample in samples}
    write_report(folder)
    with Image.open(folder / "learning_curve.png") as curve:
        assert curve.size[0] > 500
    assert json.loads((folder / "config.json").read_text())["options"]["env_steps"] == 300
    assert list((folder / "tensorboard").glob("events*"))


def test_every_step_is_scored_by_the_frame_after_it_the_terminal_one_too(tmp_path: Path) -> None:
    client = FakeClient()
    trainer = Trainer(config(tmp_path, env_steps=100, epsilon_end=1.0), client, server_info())
    trainer.run()
    explore, _, _, envs = np.random.SeedSequence(1).spawn(4)
    env = gym.make("CartPole-v1", render_mode="rgb_array")
    env.reset(seed=int(envs.generate_state(1)[0]))
    rng = np.random.default_rng(explore)
    ended = 0
    for frame in client.frames[:60]:
        rng.random()
        _, _, terminated, truncated, _ = env.step(int(rng.integers(2)))
        assert (frame == env.render()).all()
        if terminated or truncated:
            ended += 1
            env.reset()
    assert ended > 0


class Noisy:
    """Rewards that have nothing to do with the environment's."""

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: AnyRubric) -> ScoreResponse:
        return response([0.25 if frame.mean() > 240 else 0.5 for frame in frames])


def test_what_is_learned_from_is_the_servers_reward_alone(tmp_path: Path) -> None:
    trainer = Trainer(config(tmp_path), Noisy(), server_info())
    trainer.run()
    rewards = trainer.replay.sample(300, np.random.default_rng(0)).rewards
    assert set(rewards.tolist()) <= {0.25, 0.5}  # never the environment's 1.0


@pytest.mark.slow
def test_equal_seeds_give_equal_networks(tmp_path: Path) -> None:
    def weights(name: str, seed: int) -> torch.Tensor:
        trainer = Trainer(config(tmp_path, name=name, seed=seed), FakeClient(), server_info())
        trainer.run()
        return trainer.learner.online

    first = weights("a", 1)
    assert torch.equal(first, weights("b", 1))
    assert not torch.equal(first, weights("c", 2))


class SometimesNull:
    """Every fifth frame cannot be scored."""

    def __init__(self) -> None:
        self.count = 0

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: AnyRubric) -> ScoreResponse:
        rewards: list[float | None] = []
        for _ in frames:
            self.count += 1
            rewards.append(None if self.count % 5 == 0 else 1.0)
        return response(rewards)


def test_a_frame_without_reward_is_counted_and_left_out(tmp_path: Path) -> None:
    trainer = Trainer(config(tmp_path, max_failed_share=0.5), SometimesNull(), server_info())
    result = trainer.run()
    assert result["frames_failed"] == 60
    assert result["frames_scored"] == len(trainer.replay) == 240
    assert (trainer.replay.sample(500, np.random.default_rng(0)).rewards == 1.0).all()


def test_labels_tell_how_each_answer_was_and_where_in_its_episode_the_frame_stood(tmp_path: Path) -> None:
    class Unsure:
        """Every second frame fails."""

        def score(self, frames: Sequence[NDArray[np.uint8]], rubric: AnyRubric) -> ScoreResponse:
            answer = response([None if row % 2 else 0.25 for row in range(len(frames))])
            told: list[dict[str, Any]] = [
                {"label_mass": 0.9, "probabilities": {"0": 0.25, "1": 0.75}},
                {"status": ItemStatus.LOW_LABEL_MASS, "label_mass": 0.007, "message": "little"},
            ]
            items = [item.model_copy(update=told[item.index % 2]) for item in answer.data]
            return answer.model_copy(update={"data": items})

    result = Trainer(config(tmp_path, env_steps=128, max_failed_share=1.0), Unsure(), server_info()).run()
    rows = [json.loads(line) for line in (tmp_path / "cartpole" / "labels.jsonl").read_text().splitlines()]
    assert len(rows) == 128
    even, odd = rows[0], rows[1]
    assert (even["label_mass"], even["probabilities"], even["message"]) == (0.9, {"0": 0.25, "1": 0.75}, None)
    assert (odd["label_mass"], odd["probabilities"], odd["message"]) == (0.007, None, "little")
    assert {"true_tilt_deg", "true_cart_position"} <= even.keys()
    episodes = [row["episode"] for row in rows]
    assert episodes[0] == 1
    for before, after in itertools.pairwise(rows):  # none of these ends by its time limit
        assert after["episode"] - before["episode"] == int(before["terminated"])
    ended = [row for row in rows if row["terminated"]]
    assert ended
    assert result["frames_terminal"] == len(ended)
    assert result["frames_failed_terminal"] == sum(row["reward"] is None for row in ended)
    assert result["statuses"] == {"ok": 64, "low_label_mass": 64}


def watch_progress(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The progress of each gradient step, which sets its learning rate."""
    seen = list[float]()

    def watched(*arguments: Any) -> Any:
        seen.append(arguments[4])
        return update(*arguments)

    monkeypatch.setattr(agent.training.train, "update", watched)
    return seen


def test_a_run_of_one_chunk_learns_as_fast_as_its_steps_are_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The learning rate falls to 0 at the run's end; a chunk's steps are not all there."""
    seen = watch_progress(monkeypatch)
    trainer = Trainer(config(tmp_path, env_steps=200, chunk_steps=200), FakeClient(), server_info())
    before = trainer.learner.online.clone()
    trainer.run()
    assert seen == [pytest.approx(step / 200) for step in range(200)]
    assert not torch.equal(trainer.learner.online, before)


def test_progress_goes_on_from_chunk_to_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = watch_progress(monkeypatch)
    options = config(tmp_path, env_steps=192, chunk_steps=64, gradient_steps=2)
    Trainer(options, FakeClient(), server_info()).run()
    assert seen == [pytest.approx(step / 192) for step in (0, 32, 64, 96, 128, 160)]


@pytest.mark.slow
def test_how_many_samples_are_kept_changes_nothing_that_is_learned(tmp_path: Path) -> None:
    def weights(name: str, **changes: Any) -> torch.Tensor:
        trainer = Trainer(config(tmp_path, name=name, **changes), FakeClient(), server_info())
        trainer.run()
        return trainer.learner.online

    assert torch.equal(weights("few", samples=0), weights("many", samples=50, sample_every=3))


class Dying(FakeClient):
    """A server that goes away in mid-run."""

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: AnyRubric) -> ScoreResponse:
        if len(self.frames) > 150:
            raise ServerUnreachableError("http://server cannot be reached: refused")
        return super().score(frames, rubric)


def test_a_server_that_dies_in_mid_run_costs_nothing_recorded(tmp_path: Path) -> None:
    with pytest.raises(ServerUnreachableError):
        Trainer(config(tmp_path), Dying(), server_info()).run()
    folder, kept = tmp_path / "cartpole", summary(tmp_path)
    assert kept["solved"] is False
    assert (kept["mean_return"], kept["eval_episodes"]) == (None, 0)
    assert "cannot be reached" in kept["error"]
    assert kept["frames_scored"] > 0
    write_report(folder)  # of what there is
    assert (folder / "learning_curve.png").is_file()
    assert (folder / "metrics.jsonl").read_text()


def test_a_new_run_replaces_the_old_one_of_its_name(tmp_path: Path) -> None:
    Trainer(config(tmp_path), FakeClient(), server_info()).run()
    (tmp_path / "cartpole" / "notes.txt").write_text("mine")
    Trainer(config(tmp_path, env_steps=128), FakeClient(), server_info()).run()
    steps = [
        json.loads(line)["step"]
        for line in (tmp_path / "cartpole" / "metrics.jsonl").read_text().splitlines()
    ]
    assert max(steps) <= 128
    assert (tmp_path / "cartpole" / "notes.txt").read_text() == "mine"
