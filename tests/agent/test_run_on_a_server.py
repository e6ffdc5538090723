"""Whole commands against a server over HTTP; a stand-in takes the model's place."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent import commands
from tests.serving import Serving, serving

pytestmark = pytest.mark.slow


@pytest.fixture
def server() -> Iterator[Serving]:
    with serving(model="fake") as running:
        yield running


def reward_agent(monkeypatch: pytest.MonkeyPatch, server: Serving, *arguments: str) -> int:
    """Runs a command; its exit code."""
    url = f"http://127.0.0.1:{server.port}"
    monkeypatch.setattr(sys, "argv", ["reward-agent", *arguments, "--server-url", url])
    try:
        commands.run()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def summary(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return content


def test_a_question_that_the_labels_do_not_answer_ends_with_what_would_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, server: Serving
) -> None:
    server.engine.label_mass = 0.007
    arguments = ("train", "--runs", str(tmp_path), "--prompt", "Is the pole standing?")
    assert reward_agent(monkeypatch, server, *arguments) == 1
    folder = tmp_path / "CartPole-v1-cartpole-angle-own-prompt-seed-1"
    told, kept = capsys.readouterr().err, summary(folder)
    for part in (
        "low_label_mass",
        "label mass 0.007",
        "a rubric whose labels are the answers to your question",
    ):
        assert part in told
        assert part in kept["error"]
        assert part in (folder / "report.html").read_text(encoding="utf-8")
    assert "Traceback" not in told
    assert kept["statuses"] == {"low_label_mass": 128}
    assert kept["question"] == "Is the pole standing?"
    assert kept["null_share"] == 1.0


def test_a_run_tells_what_the_model_said_and_can_be_filmed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, server: Serving
) -> None:
    quick = ("--env-steps", "192", "--learning-starts", "64", "--eval-episodes", "2", "--eval-every", "0")
    named = ("--runs", str(tmp_path), "--name", "r")
    code = reward_agent(monkeypatch, server, "train", *named, *quick, "--null-terminal", "lower_bound")
    assert code in {0, 3}
    told, kept = capsys.readouterr().out, summary(tmp_path / "r")
    assert kept["statuses"] == {"ok": 192}
    assert kept["question"].startswith("What is the tilt angle of the pole in degrees?")
    assert 0 < kept["top_answer_share"] <= 1
    assert {"reward_truth_tau_b", "null_share", "null_share_terminal", "warnings"} <= kept.keys()
    assert kept["question"] in told
    row = json.loads((tmp_path / "r" / "labels.jsonl").read_text().splitlines()[0])
    assert sum(row["probabilities"].values()) == pytest.approx(1.0, abs=0.02)  # the least likely are left out
    assert row["label_mass"] == pytest.approx(0.9)
    assert reward_agent(monkeypatch, server, "film", *named) == 0
    assert "filmed with the answers of fake: " in capsys.readouterr().out
