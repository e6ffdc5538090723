"""What a person sees while a run trains: the progress bar's figures, and a report that is refreshed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.commands import single_run
from agent.config import Arm, TrainConfig
from agent.training.counting.recent import EPISODES, STEPS, Recent


def config(tmp_path: Path) -> TrainConfig:
    return TrainConfig(
        name="a",
        runs=tmp_path,
        arm=Arm.ORACLE,
        env_steps=192,
        learning_starts=64,
        eval_every=0,
        eval_episodes=1,
    )


def test_recent_figures_are_of_the_latest_steps_and_episodes_alone() -> None:
    recent = Recent()
    assert str(recent) == ""
    for _ in range(STEPS):
        recent.step(None)
    for _ in range(EPISODES):
        recent.episode(500.0)
    assert str(recent) == "return 500.0, failed 100.0 %"
    for _ in range(STEPS):
        recent.step(0.25)
    for _ in range(EPISODES):
        recent.episode(20.0)
    assert str(recent) == "return 20.0, reward 0.25, failed 0.0 %"


def test_the_progress_bar_shows_return_reward_and_failed_share(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    single_run.train_and_tell(config(tmp_path))
    last = capsys.readouterr().err.split("\r")[-1]
    assert "192/192" in last
    assert ", return " in last
    assert ", reward 0." in last
    assert ", failed 0.0 %" in last


def test_the_report_is_looked_after_after_each_round_and_left_alone_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    class Looks:
        def look(self) -> None:
            done.append("look")

    @contextmanager
    def refreshed(folder: Path) -> Iterator[Looks]:
        assert folder == tmp_path / "a"
        yield Looks()
        done.append("stop")

    monkeypatch.setattr(single_run, "refreshed", refreshed)
    monkeypatch.setattr(single_run, "write_report", lambda _folder: done.append("page"))
    single_run.train_and_tell(config(tmp_path))
    assert done == ["look", "look", "look", "stop", "page"]
    done.clear()
    single_run.train(TrainConfig(**{**vars(config(tmp_path)), "overwrite": True}), lambda _steps: None)
    assert done == ["stop", "page"]  # runs of an experiment, many at a time, are not refreshed
