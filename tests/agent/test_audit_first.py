"""``train --audit-first`` against a server over HTTP, whose stand-in for a model reads pixels or not."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from agent import commands
from agent.commands.audit_first import read_audit
from agent.config import ConfigError, TrainConfig
from reward_server.engine.interface import Answer, EngineInfo, Question
from tests.fakes import FakeEngine
from tests.serving import Serving, serving

QUICK = ("--env-steps", "192", "--learning-starts", "64", "--eval-episodes", "1", "--eval-every", "0")


class Reads(FakeEngine):
    """Reads the tilt of CartPole's pole from its pixels, or says 45 whatever it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.info = EngineInfo("fake", "0", "float32", "none", "fake 1", 224, 1)  # at 32 px a tilt is gone
        self.sees = True

    async def ask(self, images: Sequence[Image.Image], question: Question) -> Answer:
        await self._note(images, question)
        assert question.labels is not None
        labels = list(question.labels.sequences)
        right = "tilt" in question.prompt
        degrees = tilt_of(np.asarray(images[0])) if self.sees and right else 45.0
        chosen = min(labels, key=lambda label: abs(float(label) - degrees))
        rest = 0.01 / (len(labels) - 1)
        logprobs = {label: math.log(0.98 if label == chosen else rest) for label in labels}
        return Answer(chosen, logprobs, prompt_tokens=10)


def tilt_of(pixels: np.ndarray) -> float:
    """The angle of the pole's brown pixels from upright, right positive; 0 where there are none."""
    red, green, blue = (pixels[..., channel].astype(int) for channel in range(3))
    rows, columns = np.nonzero((red - blue > 50) & (red > green))
    if len(rows) < 10:
        return 0.0
    top, bottom = rows <= np.quantile(rows, 0.3), rows >= np.quantile(rows, 0.7)
    across = columns[top].mean() - columns[bottom].mean()
    up = rows[bottom].mean() - rows[top].mean()
    return math.degrees(math.atan2(across, up))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    monkeypatch.setattr("tests.serving.FakeEngine", Reads)
    with serving(model="fake") as running:
        yield running


def train(monkeypatch: pytest.MonkeyPatch, server: Serving, runs: Path, *more: str) -> int:
    """Runs the command; its exit code."""
    url = f"http://127.0.0.1:{server.port}"
    given = ("train", "--runs", str(runs), "--name", "r", "--server-url", url, "--audit-first")
    monkeypatch.setattr(sys, "argv", ["reward-agent", *given, "--audit-frames", "400", *QUICK, *more])
    try:
        commands.run()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def summary(runs: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((runs / "r" / "summary.json").read_text())
    return content


@pytest.mark.slow
def test_a_reward_that_is_always_the_same_is_refused_and_trained_on_only_when_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, server: Serving
) -> None:
    server.engine.sees = False  # type: ignore[attr-defined] # of Reads
    assert train(monkeypatch, server, tmp_path) == 5
    told = capsys.readouterr().err
    for words in ("collapsed", "Ranking: collapsed:", str(tmp_path / "r" / "audit" / "audit.html")):
        assert words in told
    assert not (tmp_path / "r" / "summary.json").exists()
    asked, rows = len(server.engine.asked), (tmp_path / "r" / "audit" / "rows.jsonl").read_bytes()
    assert train(monkeypatch, server, tmp_path) == 5  # the finished audit is judged again, and asks nothing
    assert (tmp_path / "r" / "audit" / "rows.jsonl").read_bytes() == rows
    assert len(server.engine.asked) < asked + 200  # the server's own health checks alone
    assert train(monkeypatch, server, tmp_path, "--audit-anyway") in {0, 3}
    kept = summary(tmp_path)
    assert kept["audit"]["verdict"]["ranking"] == "collapsed"
    assert kept["audit"]["refused"]
    assert "The run was done all the same." in kept["warnings"][0]


@pytest.mark.slow
def test_a_reward_that_is_right_is_trained_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: Serving
) -> None:
    assert train(monkeypatch, server, tmp_path) in {0, 3}
    kept = summary(tmp_path)
    assert kept["audit"]["verdict"]["ranking"] in {"trustworthy", "usable with care"}
    assert (kept["audit"]["refused"], kept["audit"]["warning"]) == (False, None)
    assert kept["audit"]["frames"] == 400
    assert kept["watch"]["null_frames"] == 3
    page = (tmp_path / "r" / "report.html").read_text()
    assert "The audit before training: ranking" in page
    assert "The audit during training" in page
    folder, reward_id = tmp_path / "r", kept["reward_id"]
    assert read_audit(folder, reward_id, "CartPole-v1") == kept["audit"]
    assert read_audit(folder, reward_id, "CartPoleContinuing-v0") is None  # an audit is of one task
    assert read_audit(folder, "another", "CartPole-v1") is None


@pytest.mark.slow
def test_a_question_of_ones_own_is_audited_as_it_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, server: Serving
) -> None:
    assert train(monkeypatch, server, tmp_path, "--prompt", "How upright is it?") == 5
    assert "How upright is it?" in (tmp_path / "r" / "audit" / "config.json").read_text()
    assert "collapsed" in capsys.readouterr().err


def test_going_on_anyway_needs_an_audit() -> None:
    with pytest.raises(ConfigError, match="--audit-anyway goes with --audit-first"):
        TrainConfig(audit_anyway=True)


def test_an_audit_of_too_few_frames_is_refused() -> None:
    with pytest.raises(ConfigError, match="--audit-frames must be at least 200"):
        TrainConfig(audit_frames=100)
