"""The agent's command line: what a person can cause ends with a sentence."""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import Any

import pytest

from agent import commands
from agent.commands import servers, single_run
from agent.training.saving.checkpoint_file import CheckpointError
from agent.training.train import RunStoppedError
from reward_client.errors import ServerUnreachableError
from reward_client.processes.local_server import LocalServerError
from tests.paths import CHECKPOINT

SUMMARY = {
    "mean_return": 1.0,
    "min_return": 1.0,
    "eval_episodes": 1,
    "env_steps": 1,
    "train_wall_clock_s": 1.0,
    "model": None,
    "arm": "env",
    "frames_failed": 0,
}


@pytest.fixture(autouse=True)
def no_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was trained."""
    monkeypatch.setattr(single_run, "terminal_lines", lambda _summary: ["The model said 0."])


@pytest.mark.parametrize(
    ("failure", "code", "sentence"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (ServerUnreachableError("http://x cannot be reached"), 1, "the reward server failed: http://x"),
        (RunStoppedError("too many failures"), 1, "too many failures"),
        (CheckpointError("state.npz cannot be read"), 1, "state.npz cannot be read"),
        (OSError(errno.ENOSPC, "No space left on device", "metrics.jsonl"), 1, "No space left on device"),
    ],
)
def test_a_failure_ends_with_a_sentence_and_its_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    failure: BaseException,
    code: int,
    sentence: str,
) -> None:
    def failing(*_: Any, **_options: Any) -> dict[str, Any]:
        raise failure

    monkeypatch.setattr(single_run, "_train", failing)
    monkeypatch.setattr(sys, "argv", ["reward-agent", "train", "--runs", str(tmp_path)])
    with pytest.raises(SystemExit) as caught:
        commands.run()
    assert caught.value.code == code
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(("solved", "code"), [(True, None), (False, 3)])
def test_the_exit_code_tells_whether_it_was_solved(
    monkeypatch: pytest.MonkeyPatch, solved: bool, code: int | None
) -> None:
    monkeypatch.setattr(single_run, "_train", lambda *_, **_options: SUMMARY | {"solved": solved})
    monkeypatch.setattr(sys, "argv", ["reward-agent", "train"])
    if code is None:
        commands.run()
        return
    with pytest.raises(SystemExit) as caught:
        commands.run()
    assert caught.value.code == code


def test_the_terminal_tells_where_the_files_are_and_what_was_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(single_run, "_train", lambda *_, **_options: SUMMARY | {"solved": True})
    monkeypatch.setattr(sys, "argv", ["reward-agent", "train", "--arm", "env", "--seed", "4"])
    commands.run()
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "training; the run's files go to runs/CartPole-v1-env-seed-4"
    assert told[1].startswith("solved: mean true return 1.0")
    assert told[2] == "The model said 0."


@pytest.mark.parametrize("command", ["evaluate", "film"])
def test_the_options_of_what_plays_a_finished_run_have_their_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["reward-agent", command, "--help"])
    with pytest.raises(SystemExit):
        commands.run()
    shown = capsys.readouterr().out
    own = ("--episodes", "--seed") if command == "evaluate" else ("--server-url",)
    for option in ("--name", "--runs", *own):
        assert option in shown
    monkeypatch.setattr(sys, "argv", ["reward-agent", command])
    with pytest.raises(SystemExit) as caught:
        commands.run()
    assert caught.value.code == 2
    assert "--name" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "demo", "experiment"])
def test_every_option_has_its_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["reward-agent", command, "--help"])
    with pytest.raises(SystemExit):
        commands.run()
    shown = capsys.readouterr().out
    for option in ("--env-steps", "--rubric", "--seed", "--learning-rate", "--null-terminal"):
        assert option in shown


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "--num-envs", "0"], "--num-envs must be at least 1"),
        (["train", "--name", "../r"], "--name must name a folder inside --runs"),
        (["evaluate", "--name", "../r"], "--name must name a folder inside --runs"),
        (["evaluate", "--name", "r", "--episodes", "0"], "--episodes must be at least 1"),
        (["evaluate", "--name", "r", "--seed", "-1"], "--seed must be at least 0"),
        (["film", "--name", "/r"], "--name must name a folder inside --runs"),
        (["train", "--task", "CartPole-v1", "--any-tilt"], "--task: CartPole-v1 takes no option any_tilt"),
        (["experiment", "--arm", "env"], "--arm is for single runs"),
        (["experiment", "--tasks", "Pong"], "there is no task 'Pong'"),
    ],
)
def test_an_option_out_of_its_range_ends_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    sentence: str,
) -> None:
    monkeypatch.setattr(sys, "argv", ["reward-agent", *arguments, "--runs", str(tmp_path)])
    with pytest.raises(SystemExit):
        commands.run()
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "variables", "options", "sentence"),
    [
        (
            "train",
            {"REWARD_API_KEY": "a key with spaces"},
            (),
            "REWARD_API_KEY: the API key holds white space",
        ),
        (
            "demo",
            {"REWARD_API_KEY": "schlüssel-1234567"},
            (),
            "REWARD_API_KEY: the API key holds a character",
        ),
        ("experiment", {"REWARD_API_KEY": " \n"}, (), "REWARD_API_KEY: the API key holds nothing"),
        ("train", {}, ("--server-url", "localhost:8000"), "--server-url: 'localhost:8000' is not an http"),
        (
            "train",
            {"http_proxy": "ftp://p", "no_proxy": "", "REWARD_API_KEY": "a key"},
            ("--server-url", "http://192.0.2.1"),
            "--server-url: http_proxy is not the address of a proxy",
        ),
        (
            "experiment",
            {"https_proxy": "ftp://p", "no_proxy": ""},
            ("--server-url", "https://192.0.2.1", "--checkpoint", "None"),
            "--server-url: https_proxy is not the address of a proxy",
        ),
    ],
)
def test_a_key_or_an_address_that_cannot_be_used_ends_the_command_at_once(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    command: str,
    variables: dict[str, str],
    options: tuple[str, ...],
    sentence: str,
) -> None:
    def started(*_: Any, **__: Any) -> None:
        pytest.fail("a server was started first")

    monkeypatch.setattr(servers, "local_server", started)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["reward-agent", command, *options, "--runs", str(tmp_path)])
    with pytest.raises(SystemExit) as caught:
        commands.run()
    assert caught.value.code == 1
    told = capsys.readouterr().err
    assert f"reward-agent: {sentence}" in told
    assert "server failed" not in told
    assert "schl" not in told


def test_an_empty_key_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str | None] = []

    class Client:
        def __init__(self, *_: Any, api_key: str | None = None, **__: Any) -> None:
            sent.append(api_key)

        def close(self) -> None:
            """Nothing is open."""

    monkeypatch.setattr(servers, "RewardClient", Client)
    monkeypatch.setenv("REWARD_API_KEY", "")
    servers.client_of("http://127.0.0.1:8000", 1.0)
    assert sent[-1] is None


def served_model(
    monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str
) -> tuple[list[str], pytest.ExceptionInfo[SystemExit]]:
    """Runs a command from a folder; the options that its own server would be started with."""
    started: list[str] = []

    def server(options: list[str], **_: Any) -> None:
        started.extend(options)
        raise LocalServerError("not started in this test")

    monkeypatch.chdir(folder)
    monkeypatch.setattr(servers, "local_server", server)
    monkeypatch.setattr(sys, "argv", ["reward-agent", *arguments])
    with pytest.raises(SystemExit) as caught:
        commands.run()
    return started, caught


@pytest.mark.parametrize(
    "beside", ["nothing", "tiny_llava", "tiny_llava/checkpoint/config.json", "tiny_llava/__init__.py"]
)
def test_the_demo_serves_the_shipped_checkpoint_from_every_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, beside: str
) -> None:
    (tmp_path / beside).mkdir(parents=True)
    if beside.endswith(".py"):  # somebody else's package of that name
        (tmp_path / beside).rmdir()
        (tmp_path / beside).touch()
    monkeypatch.syspath_prepend(tmp_path)  # as `python -m agent` does with the current folder
    started, _ = served_model(monkeypatch, tmp_path, "demo")
    assert started[:2] == ["--model", str(CHECKPOINT)]


@pytest.mark.parametrize("model", ["./org/name", "org/name/", "~/model", "org//name", "org/name"])
@pytest.mark.parametrize("command", ["demo", "experiment"])
def test_the_server_gets_a_checkpoint_as_it_was_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str, model: str
) -> None:
    started, _ = served_model(monkeypatch, tmp_path, command, "--checkpoint", model)
    assert started[:2] == ["--model", model]


def test_a_missing_checkpoint_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(servers, "SHIPPED_CHECKPOINT", tmp_path / "checkpoint")
    started, caught = served_model(monkeypatch, tmp_path, "demo")
    assert started == []
    assert caught.value.code == 1
    told = capsys.readouterr().err
    assert f"is not in {tmp_path / 'checkpoint'}" in told
    assert "give --checkpoint" in told
