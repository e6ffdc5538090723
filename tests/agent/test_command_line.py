"""The agent's command line: what a person can cause ends with a sentence."""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import Any

import pytest

from agent import commands
from agent.training.checkpoint_file import CheckpointError
from agent.training.train import RunStoppedError
from reward_client.errors import ServerUnreachableError

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
    def failing(*_: Any) -> dict[str, Any]:
        raise failure

    monkeypatch.setattr(commands, "train", failing)
    monkeypatch.setattr(sys, "argv", ["reward-agent", "train", "--runs", str(tmp_path)])
    with pytest.raises(SystemExit) as caught:
        commands.run()
    assert caught.value.code == code
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(("solved", "code"), [(True, None), (False, 3)])
def test_the_exit_code_tells_whether_it_was_solved(
    monkeypatch: pytest.MonkeyPatch, solved: bool, code: int | None
) -> None:
    monkeypatch.setattr(commands, "train", lambda *_: SUMMARY | {"solved": solved})
    monkeypatch.setattr(sys, "argv", ["reward-agent", "train"])
    if code is None:
        commands.run()
        return
    with pytest.raises(SystemExit) as caught:
        commands.run()
    assert caught.value.code == code


@pytest.mark.parametrize("command", ["train", "demo", "experiment"])
def test_every_option_has_its_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["reward-agent", command, "--help"])
    with pytest.raises(SystemExit):
        commands.run()
    shown = capsys.readouterr().out
    for option in ("--env-steps", "--rubric", "--seed", "--learning-rate"):
        assert option in shown


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "--num-envs", "0"], "--num-envs must be at least 1"),
        (["train", "--env", "CartPole-v1", "--any-tilt"], "--any-tilt needs --env"),
        (["experiment", "--arm", "env"], "--arm is for single runs"),
        (["experiment", "--envs", "Pong"], "'Pong' is neither"),
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
