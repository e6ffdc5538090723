"""A finished run is never lost: its name is used, and says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent import commands
from agent.config import Arm, ConfigError, TrainConfig


def options(runs: Path, **changes: Any) -> TrainConfig:
    base: dict[str, Any] = {"env_steps": 96, "learning_starts": 32, "eval_episodes": 1, "arm": Arm.CONSTANT}
    return TrainConfig(runs=runs, name="mine", **{**base, **changes})


def train(config: TrainConfig) -> dict[str, Any]:
    return commands.train(config, lambda _steps: None)


def test_a_used_name_is_refused_and_its_run_stays_as_it_is(tmp_path: Path) -> None:
    train(options(tmp_path))
    before = {
        p: p.read_bytes() for p in sorted((tmp_path / "mine").rglob("*")) if p.is_file() and p.name != "lock"
    }
    with pytest.raises(
        ConfigError, match="holds a run already: --resume goes on with it, --overwrite replaces"
    ):
        train(options(tmp_path, seed=2))
    assert {p: p.read_bytes() for p in before} == before


def test_overwrite_replaces_it_and_resume_goes_on(tmp_path: Path) -> None:
    train(options(tmp_path))
    assert train(options(tmp_path, seed=2, overwrite=True))["seed"] == 2
    assert train(options(tmp_path, seed=2, resume=True))["seed"] == 2


def test_a_folder_that_holds_no_run_is_free(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("of mine")
    train(options(tmp_path))
    assert (tmp_path / "mine" / "notes.txt").read_text() == "of mine"


def test_both_at_once_are_refused() -> None:
    with pytest.raises(ConfigError, match="choose one of them"):
        TrainConfig(resume=True, overwrite=True)


def test_the_demo_may_be_run_again() -> None:
    assert commands.DemoConfig().train.overwrite
