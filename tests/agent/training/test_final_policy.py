"""The policy of a finished run: kept, read back, and the one that was evaluated."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.config import Arm, ConfigError, DqnConfig, TrainConfig
from agent.training.evaluate import true_returns
from agent.training.saving.checkpoint_file import CheckpointError
from agent.training.saving.final_policy import load_final_policy
from agent.training.train import Trainer


def config(runs: Path, **changes: Any) -> TrainConfig:
    base: dict[str, Any] = {"env_steps": 300, "learning_starts": 64, "eval_episodes": 4, "eval_every": 0}
    return TrainConfig(runs=runs, name="r", arm=Arm.ORACLE, **{**base, **changes})


@pytest.mark.parametrize("act_with", ["target", "online"])
def test_the_policy_of_the_end_is_the_one_that_was_evaluated(tmp_path: Path, act_with: Any) -> None:
    trainer = Trainer(config(tmp_path, dqn=DqnConfig(act_with=act_with)))
    summary = trainer.run()
    policy = load_final_policy(tmp_path / "r")
    observations = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    assert (policy.greedy(observations) == trainer.greedy(observations)).all()
    returns = true_returns(policy.greedy, 4, policy.task)
    assert (returns.mean(), returns.min()) == (summary["mean_return"], summary["min_return"])


def test_it_is_a_small_file_without_pickle(tmp_path: Path) -> None:
    Trainer(config(tmp_path)).run()
    path = tmp_path / "r" / "policy.npz"
    assert path.stat().st_size < 400_000
    with zipfile.ZipFile(path) as archive:
        assert all(name.endswith(".npy") for name in archive.namelist())
    np.load(path, allow_pickle=False)["tree"]


def test_the_options_of_the_task_go_with_it(tmp_path: Path) -> None:
    Trainer(config(tmp_path, task="CartPoleContinuing-v0", any_tilt=True)).run()
    assert load_final_policy(tmp_path / "r").task.options == {"any_tilt": True}


def test_a_run_that_keeps_no_policy_is_told(tmp_path: Path) -> None:
    Trainer(config(tmp_path, checkpoint_every=300)).run()
    (tmp_path / "r" / "policy.npz").unlink()
    with pytest.raises(CheckpointError, match="r keeps no final policy; train the run anew"):
        load_final_policy(tmp_path / "r")


def test_what_is_no_finished_run_is_told(tmp_path: Path) -> None:
    def told() -> str:
        with pytest.raises(ConfigError) as caught:
            load_final_policy(tmp_path / "r")
        return str(caught.value)

    def breaks_off(_steps: int) -> None:
        raise KeyboardInterrupt

    assert "r holds no run" in told()
    with pytest.raises(KeyboardInterrupt):
        Trainer(config(tmp_path), progress=breaks_off).run()
    assert "is not finished; it broke off: KeyboardInterrupt" in told()
    summary = tmp_path / "r" / "summary.json"
    content = json.loads(summary.read_text())
    summary.write_text(json.dumps(content)[:20])
    assert "are damaged" in told()
    summary.unlink()
    assert "is not finished: train --resume goes on with it" in told()
