"""Two commands never write one folder: the second ends with a sentence while the first lives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent import commands
from agent.commands import servers
from agent.config import Arm, TrainConfig
from agent.experiment.plan import finished
from agent.recording.run_folder import FolderLostError
from reward_report.folder_lock import locked
from tests.paths import ROOT
from tests.waiting import until

pytestmark = pytest.mark.slow

QUICK = ("--arm", "constant", "--env-steps", "100000", "--chunk-steps", "16", "--eval-every", "0")


def start(*arguments: str, cwd: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "agent", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=cwd, env=environment, stderr=subprocess.DEVNULL)


@pytest.fixture
def living(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run that writes ``runs/one``."""
    process = start("train", "--name", "one", *QUICK, cwd=tmp_path)
    metrics = tmp_path / "runs/one/metrics.jsonl"
    until(lambda: metrics.is_file() and metrics.stat().st_size > 0, 60)
    yield process
    process.kill()
    process.wait()


def ended(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    monkeypatch.setattr(sys, "argv", ["reward-agent", *arguments])
    with pytest.raises(SystemExit) as caught:
        commands.run()
    assert caught.value.code == 1
    return capsys.readouterr().err


def test_a_second_run_of_a_name_is_refused_while_the_first_lives(
    living: subprocess.Popen[bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("runs")
    config = (tmp_path / "runs/one/config.json").read_bytes()
    for arguments in (
        ("train", "--name", "one", *QUICK, "--seed", "2"),
        ("train", "--name", "one", *QUICK, "--resume"),
        ("train", "--name", "one", *QUICK, "--runs", "link"),
        ("train", "--name", "one/", *QUICK, "--runs", str(tmp_path / "runs")),
        ("train", "--name", "one"),  # before it waits for a server
        ("demo", "--name", "one"),
        ("experiment", "--name", "one", "--arms", "env"),
    ):
        told = ended(monkeypatch, capsys, *arguments)
        assert f"process {living.pid} on " in told, arguments
        assert "one" in told
        assert "choose another --name" in told
    assert (tmp_path / "runs/one/config.json").read_bytes() == config
    assert not (tmp_path / "runs/one/server.log").exists()
    assert living.poll() is None


def test_a_killed_run_can_be_gone_on_with(
    living: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    living.send_signal(signal.SIGKILL)
    living.wait()
    monkeypatch.chdir(tmp_path)
    done = commands.train(
        TrainConfig(
            name="one", arm=Arm.CONSTANT, env_steps=600, eval_episodes=1, eval_every=192, overwrite=True
        ),
        lambda _: None,
    )
    assert done["error"] is None


def test_an_experiment_and_a_run_by_hand_do_not_share_a_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    options = (
        "--name",
        "e",
        "--arms",
        "constant",
        "--tasks",
        "CartPole-v1",
        "--seeds-without-server",
        "1",
        *QUICK[2:],
    )
    process = start("experiment", *options, cwd=tmp_path)
    run = tmp_path / "runs/e/CartPole-v1/constant/seed-1"
    try:
        until((run / "metrics.jsonl").is_file, 60)
        config = (run / "config.json").read_bytes()
        by_hand = ended(monkeypatch, capsys, "train", "--name", "e/CartPole-v1/constant/seed-1", *QUICK)
        assert str(run.relative_to(tmp_path)) in by_hand
        assert f"process {process.pid} on" in ended(monkeypatch, capsys, "experiment", *options)
        assert (run / "config.json").read_bytes() == config
    finally:
        process.terminate()
        process.wait(30)


def test_an_experiment_tells_of_a_run_that_somebody_else_writes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with locked(tmp_path / "runs/e/CartPole-v1/constant/seed-1"):
        options = (
            "--name",
            "e",
            "--arms",
            "constant",
            "--tasks",
            "CartPole-v1",
            "--seeds-without-server",
            "2",
            "--workers",
            "1",
        )
        quick = ("--env-steps", "600", "--eval-episodes", "1", "--eval-every", "192")
        monkeypatch.setattr(sys, "argv", ["reward-agent", "experiment", *options, *quick])
        with pytest.raises(SystemExit) as caught:
            commands.run()
    assert caught.value.code == 4
    shown = capsys.readouterr()
    assert f"seed-1 is being written by process {os.getpid()}" in shown.err
    other = tmp_path / "runs/e/CartPole-v1/constant/seed-2/summary.json"
    assert json.loads(other.read_text())["error"] is None


def test_the_demo_holds_its_folder_before_its_server_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def server(*_: Any, log_file: Path, **__: Any) -> None:
        with pytest.raises(SystemExit):
            commands.run()  # once more
        raise OSError(1, "the first went on", str(log_file))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(servers, "local_server", server)
    told = ended(monkeypatch, capsys, "demo")
    assert f"process {os.getpid()} on" in told
    assert "the first went on" in told


def test_a_demo_trains_in_the_folder_that_it_holds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Server:
        url = "http://127.0.0.1:1"

        def __enter__(self) -> Server:
            return self

        def __exit__(self, *_: object) -> None:
            """Nothing runs."""

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(servers, "local_server", lambda *_, **__: Server())
    quick = TrainConfig(name="demo", arm=Arm.CONSTANT, env_steps=600, eval_episodes=1, eval_every=192)
    assert commands.demo(commands.DemoConfig(train=quick)) == 3


def test_a_finished_run_can_be_read_where_nothing_may_be_written(tmp_path: Path) -> None:
    quick = TrainConfig(runs=tmp_path, name="r", arm=Arm.ENV, env_steps=600, eval_episodes=1, eval_every=192)
    commands.train(quick, lambda _: None)
    assert finished(quick)
    with locked(quick.folder):  # by whoever: reading asks for no lock
        assert finished(quick)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # TensorBoard's thread
def test_a_run_that_lost_its_folder_leaves_the_next_ones_report_alone(tmp_path: Path) -> None:
    quick = TrainConfig(runs=tmp_path, name="r", arm=Arm.ENV, env_steps=600, eval_episodes=1, eval_every=192)

    def replaced(steps: int) -> None:
        if steps == 320:
            quick.folder.rename(tmp_path / "moved")
            commands.train(quick, lambda _: None)
            (quick.folder / "report.html").write_text("the next one's")

    with pytest.raises(FolderLostError):
        commands.train(quick, replaced)
    assert (quick.folder / "report.html").read_text() == "the next one's"
