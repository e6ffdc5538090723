"""--null-terminal: what is learned where an episode ends in a frame that could not be scored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.config import Arm, ConfigError, TrainConfig
from agent.rewards.lower_bound import lower_bound_of
from agent.training.train import Trainer
from reward_client.rubric import Rubric
from reward_client.schema import ScoreResponse
from reward_client.wording.ensemble import AnyRubric
from tests.fakes import FakeClient, response, server_info


def rubric(readout: dict[str, Any], reward: dict[str, Any]) -> Rubric:
    return Rubric.model_validate({"prompt": "How is it?", "readout": readout, "reward": reward})


def test_it_is_the_lowest_reward_of_the_rubric() -> None:
    number = {"type": "number"}
    assert lower_bound_of(rubric(number, {"type": "distance", "target": 0, "tolerance": 9})) == 0.0
    assert lower_bound_of(rubric(number, {"type": "affine", "scale": 1, "clip": [-2, 1]})) == -2.0


def test_a_rubric_that_nothing_bounds_is_refused() -> None:
    with pytest.raises(ConfigError, match="--null-terminal lower_bound: nothing bounds the rewards"):
        lower_bound_of(rubric({"type": "number"}, {"type": "affine", "scale": 1}))


@pytest.mark.parametrize("arm", [arm for arm in Arm if arm not in {Arm.VLM, Arm.RESAMPLED}])
def test_it_is_for_the_arm_vlm_alone(arm: Arm) -> None:
    with pytest.raises(ConfigError, match="--null-terminal lower_bound is for the arm vlm"):
        TrainConfig(arm=arm, null_terminal="lower_bound")


def test_it_is_no_default() -> None:
    assert TrainConfig().null_terminal == "skip"


def config(runs: Path, **changes: Any) -> TrainConfig:
    base: dict[str, Any] = {"env_steps": 128, "learning_starts": 32, "eval_episodes": 1, "eval_every": 0}
    return TrainConfig(runs=runs, name="r", max_failed_share=1.0, **{**base, **changes})


class OneInThree(FakeClient):
    """Scores a frame in three."""

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: AnyRubric) -> ScoreResponse:
        first = len(self.frames)
        super().score(frames, rubric)
        return response([1.0 if (first + row) % 3 == 0 else None for row in range(len(frames))])


def rows(config: TrainConfig) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (config.folder / "labels.jsonl").read_text().splitlines()]


def test_a_terminal_frame_without_a_reward_is_learned_with_the_bound_and_keeps_its_null(
    tmp_path: Path,
) -> None:
    options = config(tmp_path, null_terminal="lower_bound")
    trainer = Trainer(options, OneInThree(), server_info(), lower_bound=-0.5)
    trainer.run()
    labels, learned = rows(options), trainer.replay.state()["rewards"]
    filled = [row for row in labels if row["reward"] is None and row["terminated"]]
    assert filled
    for row, reward in zip(labels, learned, strict=True):
        if row["reward"] is not None:
            assert row["learned_reward"] == row["reward"] == reward == 1.0
        elif row["terminated"]:
            assert row["learned_reward"] == reward == -0.5
            assert row["status"] == "failed"
        else:
            assert row["learned_reward"] is None
            assert np.isnan(reward)


def test_by_default_it_is_left_out(tmp_path: Path) -> None:
    options = config(tmp_path)
    trainer = Trainer(options, OneInThree(), server_info())
    trainer.run()
    assert all(row["learned_reward"] is None for row in rows(options) if row["reward"] is None)
    assert len(trainer.replay) == sum(row["reward"] is not None for row in rows(options))


@pytest.mark.slow
def test_an_episode_that_runs_out_of_time_is_left_out_still(tmp_path: Path) -> None:
    options = config(
        tmp_path, task="CartPoleContinuing-v0", env_steps=512, gradient_steps=0, null_terminal="lower_bound"
    )
    trainer = Trainer(options, OneInThree(), server_info(), lower_bound=-0.5)
    trainer.run()
    assert -0.5 not in trainer.replay.state()["rewards"]
    assert len(trainer.replay) == 171


def test_the_bound_goes_with_the_option(tmp_path: Path) -> None:
    for changes, bound in (({}, 0.0), ({"null_terminal": "lower_bound"}, None)):
        with pytest.raises(ValueError, match="--null-terminal"):
            Trainer(config(tmp_path, **changes), FakeClient(), server_info(), lower_bound=bound)
