"""The command reward-audit: over HTTP, its exit codes, and what a person can cause ends with a sentence."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reward_audit import commands
from reward_audit.config import AuditConfig, AuditError
from reward_client.errors import ServerUnreachableError
from reward_report.folder_lock import locked
from tests.paths import ROOT
from tests.serving import serving
from tests.waiting import until


def test_an_audit_over_http_ends_with_the_verdicts_code_and_its_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stand-in answers by how light a frame is: the same to all that show a pole."""
    arguments = ["--runs", str(tmp_path), "--name", "x", "--frames", "200", "--rubric", "cartpole-angle"]
    with serving() as server, pytest.raises(SystemExit) as caught:
        commands.run(["--server-url", f"http://127.0.0.1:{server.port}", *arguments])
    report = json.loads((tmp_path / "x" / "audit.json").read_text())
    assert report["verdict"]["ranking"] == "collapsed"
    assert caught.value.code == 3 == report["exit_code"]
    assert report["server"]["model"] == "fake"
    assert (tmp_path / "x" / "audit.html").is_file()
    told = capsys.readouterr().out
    assert "200 frames of CartPole-v1 for cartpole-angle: 120 states as they are" in told
    assert "ranking: collapsed" in told
    assert report["reasons"][0] in told
    assert f"The report is {tmp_path / 'x' / 'audit.html'}" in told


RUBRIC = """
prompt: How far does the pole lean? Answer with a number.
readout: {type: expectation, labels: ["-10", "0", "10"]}
reward: {type: distance, target: 0, tolerance: 12}
"""


def test_a_rubric_of_ones_own_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(RUBRIC)
    arguments = ["--runs", str(tmp_path), "--name", "x", "--frames", "200", "--rubric", str(file)]
    with serving() as server, pytest.raises(SystemExit) as caught:
        commands.run(["--server-url", f"http://127.0.0.1:{server.port}", *arguments])
    assert caught.value.code == 3
    report = json.loads((tmp_path / "x" / "audit.json").read_text())
    assert report["rubric"]["prompt"] == "How far does the pole lean? Answer with a number."
    assert len(report["reward_id"]) == 16
    assert report["verdict"]["ranking"] == "collapsed"


def test_a_file_without_a_rubric_ends_with_its_field(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("prompt: How far?")
    options = AuditConfig(runs=tmp_path, rubric=str(file))
    with serving() as server, pytest.raises(AuditError, match="readout") as caught:
        commands.audit_and_tell(replace(options, server_url=f"http://127.0.0.1:{server.port}"))
    assert str(caught.value).startswith(f"--rubric: {file}: readout")


def test_the_terminal_tells_what_came_of_calibration_and_abstention() -> None:
    report = {"verdict": {"ranking": "biased", "values": "biased"}, "reasons": ["Ranking: biased."]}
    lines = commands.conclusion(
        {**report, "calibration": {"told": "It helps."}, "abstention": None}, AuditConfig()
    ).splitlines()
    assert lines[1:3] == ["Ranking: biased.", "It helps."]
    assert len(lines) == 4


@pytest.mark.parametrize("code", [0, 3, 4])
def test_the_exit_code_is_the_verdicts(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(commands, "audit_and_tell", lambda _: code)
    if not code:
        commands.run([])
        return
    with pytest.raises(SystemExit) as caught:
        commands.run([])
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("failure", "code", "sentence"),
    [
        (KeyboardInterrupt(), 130, "interrupted; the same command goes on from the answers in"),
        (ServerUnreachableError("http://x cannot be reached"), 1, "the reward server failed: http://x"),
        (AuditError("the server has no rubric 'x'"), 1, "no rubric 'x'"),
        (OSError(errno.ENOSPC, "No space left on device", "rows.jsonl"), 1, "No space left on device: rows"),
    ],
)
def test_a_failure_ends_with_a_sentence_and_its_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    failure: BaseException,
    code: int,
    sentence: str,
) -> None:
    def failing(_: Any) -> int:
        raise failure

    monkeypatch.setattr(commands, "audit_and_tell", failing)
    with pytest.raises(SystemExit) as caught:
        commands.run([])
    assert caught.value.code == code
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"server_url": "nonsense"}, "--server-url: "),
        ({"task": "CartPole-v9"}, "--task: there is no task"),
    ],
)
def test_what_cannot_be_used_is_told_before_a_server_is_waited_for(
    tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(AuditError, match=words):
        commands.audit_and_tell(AuditConfig(runs=tmp_path, **options))


def test_a_key_that_cannot_be_used_is_named_by_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REWARD_API_KEY", "a key with spaces")
    with pytest.raises(AuditError, match="REWARD_API_KEY"):
        commands.audit_and_tell(AuditConfig(runs=tmp_path))


def test_two_audits_do_not_write_one_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with locked(tmp_path / "x"), pytest.raises(SystemExit) as caught:
        commands.run(["--runs", str(tmp_path), "--name", "x"])
    assert caught.value.code == 1
    assert "wait until it ends, or choose another --name" in capsys.readouterr().err


def test_a_termination_while_the_server_is_waited_for_ends_with_130(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "reward_audit",
        "--runs",
        str(tmp_path),
        "--server-url",
        "http://127.0.0.1:9",
    ]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        until((tmp_path / "audit").is_dir, 60)
        process.terminate()
        _, told = process.communicate(timeout=30)
    # Python ends by SIGINT where the signal came during an exec(), as of dataclasses: 130 in a shell too.
    assert process.returncode in {130, -signal.SIGINT}
    assert "reward-audit: interrupted" in told


@pytest.mark.vllm
def test_the_shipped_checkpoint_reads_the_tilt_and_the_audit_says_so(server_url: str, tmp_path: Path) -> None:
    code = commands.audit_and_tell(AuditConfig(runs=tmp_path, frames=300, server_url=server_url))
    report = json.loads((tmp_path / "audit" / "audit.json").read_text())
    assert report["verdict"] == {"ranking": "trustworthy", "values": "trustworthy"}, report["reasons"]
    assert code == 0
