"""The options of a run: its name where none is given, and which differ from those that it had."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.config import Arm, TrainConfig, changed_options, options
from agent.experiment.plan import finished


def recorded(config: TrainConfig) -> dict[str, Any]:
    """As ``config.json`` has them."""
    content: dict[str, Any] = json.loads(json.dumps(options(config)))
    return content


def resampled(rewards_of: Path, **changes: Any) -> TrainConfig:
    return TrainConfig(arm=Arm.RESAMPLED, rewards_of=rewards_of, **{"name": "r", **changes})


@pytest.mark.parametrize(
    "spelled", ["runs/vlm", "./runs/vlm", "runs/../runs/vlm", "HERE/runs/vlm", "link/vlm"]
)
def test_a_folder_that_is_spelled_differently_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelled: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("runs")
    (tmp_path / "runs").mkdir()
    then = recorded(resampled(Path("runs/vlm")))
    now = resampled(Path(spelled.replace("HERE", str(tmp_path))))
    assert changed_options(then, recorded(now)) == ""
    config = TrainConfig(**{**vars(now), "runs": tmp_path})
    config.folder.mkdir()
    (config.folder / "config.json").write_text(json.dumps({"options": then}))
    (config.folder / "summary.json").write_text('{"error": null}')
    assert finished(config)


def test_another_folder_is_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = changed_options(recorded(resampled(Path("runs/a"))), recorded(resampled(Path("runs/b"))))
    assert told == "--rewards-of runs/a then, runs/b now"
    assert "--rewards-of None then" in changed_options(
        recorded(TrainConfig(name="r")), recorded(resampled(Path("runs/b")))
    )


def test_a_run_beside_its_rewards_is_found_from_every_folder_and_after_a_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    then = recorded(resampled(Path("runs/e/vlm"), runs=Path("runs/e")))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    now = recorded(resampled(Path("/moved/runs/e/vlm"), runs=Path("/moved/runs/e")))
    assert changed_options(then, now) == ""
    other = recorded(resampled(Path("/moved/runs/e/constant"), runs=Path("/moved/runs/e")))
    assert "--rewards-of" in changed_options(then, other)


def test_an_option_that_a_run_did_not_have_yet_has_its_default() -> None:
    then = recorded(TrainConfig(name="r"))
    del then["null_terminal"]
    assert changed_options(then, recorded(TrainConfig(name="r"))) == ""
    changed = recorded(TrainConfig(name="r", null_terminal="lower_bound"))
    assert changed_options(then, changed) == "--null-terminal skip then, lower_bound now"


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "CartPole-v1-cartpole-angle-seed-1"),
        ({"seed": 7, "task": "MountainCar-v0"}, "MountainCar-v0-cartpole-angle-seed-7"),
        ({"arm": Arm.CONSTANT}, "CartPole-v1-constant-seed-1"),
        ({"arm": Arm.SHUFFLED}, "CartPole-v1-cartpole-angle-shuffled-seed-1"),
        ({"rubric": "../of/mine.yaml"}, "CartPole-v1-mine-seed-1"),
        ({"prompt": "Is it?"}, "CartPole-v1-cartpole-angle-own-prompt-seed-1"),
        ({"task": "my_module:MyTask"}, "MyTask-cartpole-angle-seed-1"),
        ({"name": "mine"}, "mine"),
    ],
)
def test_a_run_without_a_name_is_named_for_what_it_is(changes: dict[str, Any], name: str) -> None:
    config = TrainConfig(**changes)
    assert config.run_name == name
    assert config.folder == Path("runs") / name
    assert options(config)["name"] == name


def test_a_password_in_the_servers_address_is_not_recorded() -> None:
    assert options(TrainConfig(server_url="http://u:secret@h:1/x"))["server_url"] == "http://h:1/x"
    assert options(TrainConfig(server_url="http://127.0.0.1:8000"))["server_url"] == "http://127.0.0.1:8000"
