"""Nulls during training: what is asked, how often, and that nothing is learned from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from agent.config import ConfigError, TrainConfig
from agent.training.train import Trainer
from agent.training.watching.nulls import Nulls
from reward_client.errors import ServerUnreachableError
from reward_client.rubric import Rubric
from reward_client.schema import ScoreResponse
from reward_client.wording.ensemble import AnyRubric
from tests.fakes import FakeClient, response, server_info

RUBRIC = Rubric.model_validate(
    {
        "prompt": "Is the pole upright?",
        "readout": {"type": "yes_no", "yes": "Yes", "no": "No"},
        "reward": {"type": "probability"},
    }
)


def config(tmp_path: Path, name: str, **changes: Any) -> TrainConfig:
    short: dict[str, Any] = {"env_steps": 640, "learning_starts": 64, "eval_episodes": 1, "eval_every": 0}
    return TrainConfig(runs=tmp_path, name=name, **{**short, **changes})


class ByPixels:
    """Rewards by the frame, and what was asked."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.asked: list[tuple[NDArray[np.uint8], AnyRubric]] = []
        self.stop_after, self.scored = stop_after, 0

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: AnyRubric) -> ScoreResponse:
        self.scored += len(frames)
        if self.stop_after is not None and self.scored > self.stop_after:
            raise KeyboardInterrupt
        if len(frames) == 1:
            self.asked.append((frames[0], rubric))
        return response([(int(frame.sum(dtype=np.int64)) % 100) / 100 for frame in frames])


def trained(options: TrainConfig, client: Any, share: float) -> Trainer:
    nulls = Nulls(client, "cartpole-upright", RUBRIC, share, options.seed)
    trainer = Trainer(options, client, server_info(), "cartpole-upright", nulls=nulls)
    trainer.run()
    return trainer


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["barrier", "overlap"])
def test_a_run_with_nulls_learns_what_one_without_them_learns(tmp_path: Path, schedule: Any) -> None:
    client = ByPixels()
    with_nulls = trained(config(tmp_path, "with", schedule=schedule), client, 0.02)
    without = trained(config(tmp_path, "without", schedule=schedule), ByPixels(), 0.0)
    for name in ("online", "target", "adam_mean", "adam_square"):
        assert torch.equal(getattr(with_nulls.learner, name), getattr(without.learner, name)), name
    assert len(with_nulls.replay) == len(without.replay) == 640
    assert with_nulls.records.state() == without.records.state()
    labels = [(tmp_path / name / "labels.jsonl").read_text() for name in ("with", "without")]
    assert labels[0] == labels[1]
    kept = [
        json.loads((tmp_path / name / "summary.json").read_text())["watch"] for name in ("with", "without")
    ]
    assert kept[0]["null_frames"] == 10
    assert kept[0]["null_frames"] <= 0.02 * 640
    assert (kept[1]["null_frames"], kept[1]["nulls"]) == (0, {})
    black = [frame for frame, _ in client.asked if not frame.any()]
    assert len(black) == kept[0]["nulls"]["black"]["frames"] == 2
    wrong = [asked for _, asked in client.asked if isinstance(asked, Rubric)]
    assert {rubric.prompt for rubric in wrong} == {"Is there a giraffe in the picture? Answer Yes or No."}


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["barrier", "overlap"])
def test_a_run_that_was_interrupted_saw_what_one_that_was_not_saw(tmp_path: Path, schedule: Any) -> None:
    options = {"schedule": schedule, "checkpoint_every": 128}
    whole = trained(config(tmp_path, "whole", **options), ByPixels(), 0.02)
    with pytest.raises(KeyboardInterrupt):
        trained(config(tmp_path, "broken", **options), ByPixels(stop_after=400), 0.02)
    resumed = trained(config(tmp_path, "broken", resume=True, **options), ByPixels(), 0.02)
    assert resumed.watch.state() == whole.watch.state()
    assert resumed.watch.summary()["null_frames"] == 10
    assert len(whole.watch.summary()["windows"]) == 1


class FailsOnNulls(FakeClient):
    """A server that answers a step's frames only."""

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: AnyRubric) -> ScoreResponse:
        if len(frames) == 1:
            raise ServerUnreachableError("http://server cannot be reached: refused")
        return super().score(frames, rubric)


def test_a_null_that_cannot_be_asked_stops_nothing(tmp_path: Path) -> None:
    trainer = trained(config(tmp_path, "r", env_steps=192), FailsOnNulls(), 0.02)
    kept = trainer.watch.summary()
    assert kept["null_frames"] == 0
    assert sum(one["frames"] for one in kept["nulls"].values()) == 3
    assert trainer.records.counts()["frames_failed"] == 0


def test_what_is_measured_and_warned_of_is_in_the_runs_files(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trainer = trained(config(tmp_path, "r", task="CartPoleContinuing-v0"), FakeClient(0.5), 0.0)
    rows = [json.loads(line) for line in (tmp_path / "r" / "metrics.jsonl").read_text().splitlines()]
    measured = [row for row in rows if "audit/unscored_share" in row]
    assert [row["step"] for row in measured] == [512]
    assert {"audit/clear_pairs_order", "audit/mean_reward"} <= measured[0].keys()
    (warning,) = [row for row in rows if "warning" in row]
    assert "the reward has collapsed" in warning["warning"]
    (told,) = trainer.watch.summary()["warnings"]
    assert told == f"{warning['warning']} (so in 1 of 1 windows)."
    assert [warning["warning"] in record.getMessage() for record in caplog.records].count(True) == 1
    board = EventAccumulator(str(tmp_path / "r" / "tensorboard"))
    board.Reload()
    (tensor,) = board.Tensors("audit/warnings/text_summary")
    assert warning["warning"] in tensor.tensor_proto.string_val[0].decode()


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_that_is_none_is_refused(tmp_path: Path, share: float) -> None:
    with pytest.raises(ConfigError, match="--null-share must be at"):
        config(tmp_path, "r", null_share=share)
