"""evaluate and film: a finished run's policy is played again, and what is no finished run is told."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agent import commands
from agent.commands import finished_run, servers
from agent.config import Arm, TrainConfig
from agent.training.train import Trainer
from reward_client.schema import RubricInfo, ServerInfo
from reward_client.wording.ensemble import AnyRubric
from reward_report.folder_lock import locked
from reward_server.rubrics.loading import load_rubrics
from tests.fakes import FakeClient, server_info

QUICK: dict[str, Any] = {"env_steps": 192, "learning_starts": 64, "eval_episodes": 5, "eval_every": 0}


def reward_agent(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Runs a command; its exit code."""
    monkeypatch.setattr(sys, "argv", ["reward-agent", *arguments])
    try:
        commands.run()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Finished runs: of the arm vlm, with a rubric of one's own, and of the arm constant."""
    folder = tmp_path_factory.mktemp("runs")
    Trainer(TrainConfig(runs=folder, name="vlm", **QUICK), FakeClient(), server_info()).run()
    own = load_rubrics()["cartpole-upright"]
    config = TrainConfig(runs=folder, name="own", rubric="gone.yaml", **QUICK)
    Trainer(config, FakeClient(), server_info(), own).run()
    Trainer(TrainConfig(runs=folder, name="constant", arm=Arm.CONSTANT, **QUICK)).run()
    return folder


def test_evaluate_plays_the_episodes_of_the_run_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], runs: Path
) -> None:
    summary = json.loads((runs / "vlm" / "summary.json").read_text())
    assert reward_agent(monkeypatch, "evaluate", "--name", "vlm", "--runs", str(runs), "--episodes", "5") == 0
    result = json.loads((runs / "vlm" / "evaluation.json").read_text())
    assert (result["mean_return"], result["min_return"]) == (summary["mean_return"], summary["min_return"])
    assert (result["episodes"], len(result["returns"]), result["solved_return"]) == (5, 5, 475.0)
    assert result["solved"] == (result["mean_return"] >= 475.0)
    told = capsys.readouterr().out
    assert f"mean true return {result['mean_return']:.1f} (lowest {result['min_return']:.0f})" in told
    assert "over 5 greedy episodes of CartPole-v1" in told
    assert json.loads((runs / "vlm" / "summary.json").read_text()) == summary


def test_evaluate_plays_other_episodes_where_asked(monkeypatch: pytest.MonkeyPatch, runs: Path) -> None:
    def returns(*options: str) -> list[float]:
        assert reward_agent(monkeypatch, "evaluate", "--name", "vlm", "--runs", str(runs), *options) == 0
        found: list[float] = json.loads((runs / "vlm" / "evaluation.json").read_text())["returns"]
        return found

    twenty = returns("--episodes", "20")
    assert returns("--episodes", "10", "--seed", "1000010") == twenty[10:]
    assert returns("--episodes", "20", "--seed", "5") != twenty


class Server:
    """A stand-in for the client of a server."""

    def __init__(self, ready: bool = True, info: ServerInfo | None = None) -> None:
        self.ready, self.scores, self.server = ready, FakeClient(), info or server_info()
        self.asked = list[AnyRubric]()
        self.urls = list[str]()

    def __call__(self, url: str, _outage_s: float) -> Server:
        self.urls.append(url)
        return self

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def is_ready(self) -> bool:
        return self.ready

    def info(self) -> ServerInfo:
        return self.server

    def score(self, frames: list[NDArray[np.uint8]], rubric: AnyRubric) -> Any:
        self.asked.append(rubric)
        return self.scores.score(frames, rubric)


@pytest.fixture
def film(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], runs: Path
) -> Callable[..., str]:
    """Films a run with a server; what was told."""

    def filmed(name: str, server: Server, *options: str) -> str:
        monkeypatch.setattr(finished_run, "client_of", server)
        for ending in ("mp4", "gif"):
            (runs / name / f"video.{ending}").unlink(missing_ok=True)
        assert reward_agent(monkeypatch, "film", "--name", name, "--runs", str(runs), *options) == 0
        assert (runs / name / "video.mp4").stat().st_size > 0
        assert (runs / name / "video.gif").stat().st_size > 0
        return capsys.readouterr().out

    return filmed


def test_a_film_has_the_answers_of_a_server_that_is_ready(film: Callable[..., str], runs: Path) -> None:
    server = Server()
    assert "filmed with the answers of fake: " in film("vlm", server, "--server-url", "http://other:1")
    assert server.urls == ["http://other:1"]
    assert set(server.asked) == {"cartpole-angle"}
    assert "data:image/gif" in (runs / "vlm" / "report.html").read_text(encoding="utf-8")


def test_a_film_asks_the_runs_own_server_unless_told_otherwise(film: Callable[..., str]) -> None:
    server = Server(ready=False)
    told = film("vlm", server)
    assert server.urls == ["http://127.0.0.1:8000"]
    assert "filmed without answers, since no reward server is ready at http://127.0.0.1:8000" in told
    assert not server.asked


def test_a_film_asks_a_rubric_of_ones_own_as_it_was_when_the_run_began(film: Callable[..., str]) -> None:
    server = Server()
    assert "with the answers of fake: " in film("own", server)
    assert server.asked[0] == load_rubrics()["cartpole-upright"]


@pytest.mark.parametrize(
    ("rubrics", "words"),
    [
        ({"cartpole-angle": RubricInfo(reward_id="other")}, "of fake, whose rewards are not those that"),
        ({}, "without answers, since the server at http://127.0.0.1:8000 cannot answer the rubric"),
        ({"cartpole-angle": RubricInfo(reward_id=None, unavailable="no")}, "cannot answer the rubric"),
    ],
)
def test_a_film_says_where_the_server_is_another_one(
    film: Callable[..., str], rubrics: dict[str, RubricInfo], words: str
) -> None:
    assert words in film("vlm", Server(info=server_info().model_copy(update={"rubrics": rubrics})))


def test_a_film_of_a_run_without_a_model_has_no_answers(film: Callable[..., str]) -> None:
    server = Server()
    assert "filmed without answers, since the arm constant asks no model" in film("constant", server)
    assert not server.urls


@pytest.mark.parametrize("command", ["evaluate", "film"])
def test_what_is_no_finished_run_ends_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str
) -> None:
    monkeypatch.setattr(servers, "RewardClient", None)  # nothing is asked

    def told() -> str:
        assert reward_agent(monkeypatch, command, "--name", "r", "--runs", str(tmp_path)) == 1
        return capsys.readouterr().err

    assert f"{tmp_path / 'r'} holds no run" in told()
    assert not (tmp_path / "r").exists()
    config = TrainConfig(runs=tmp_path, name="r", arm=Arm.CONSTANT, **QUICK)

    def breaks_off(_steps: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Trainer(config, progress=breaks_off).run()
    assert "is not finished; it broke off: KeyboardInterrupt" in told()
    Trainer(config).run()
    with locked(config.folder):
        assert "is being written by process" in told()
    (config.folder / "policy.npz").unlink()
    assert "no final policy; train the run anew" in told()
