"""The report of a run and of a comparison, in a real browser where there is one; video; W&B."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from agent import commands
from agent.commands import single_run
from agent.config import Arm, ConfigError, TrainConfig
from agent.experiment.plan import ExperimentConfig
from agent.experiment.report import write_report as write_experiment_report
from agent.reporting.run_report import write_report
from agent.reporting.video import film
from agent.training.train import RunStoppedError, Trainer
from reward_client.errors import UnavailableError
from reward_client.schema import ItemStatus, RewardItem, ScoreResponse
from reward_client.version import __version__
from reward_client.wording.ensemble import AnyRubric
from reward_tasks.cartpole import CartPole
from tests.browser import DESKTOP, PHONE, Page, browser, needs_chromium
from tests.fakes import FakeClient, response, server_info

WIDTHS, HEIGHT = (DESKTOP, PHONE), 6000
"""In CSS pixels; longer than any page."""
OF_LABELS = 4  # reward and reading against the truth, returns, and all of it over training
OF_RUN = 2 + OF_LABELS + 1  # two of learning, and the film
OF_COMPARISON = 2 * (3 + OF_LABELS) - 1  # 192 steps end no episode of the continuing environment: one less

CHECK = """(width => {
  const pictures = [...document.images];
  return {
    pictures: pictures.length,
    missing: pictures.filter(p => p.naturalWidth < 50 || p.clientWidth < 50).length,
    cut: pictures.filter(p => p.getBoundingClientRect().right > width).length,
    wide: document.documentElement.scrollWidth > width,
    overflowing: [...document.querySelectorAll("figcaption, p, h2")]
      .filter(e => e.scrollWidth > e.clientWidth).length,
  };
})"""
"""With the window's width as it was asked for: a browser on a phone shows more where a page is too wide."""


class Angles:
    """Reads tilts; some frames fail, and one answer is hostile."""

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: AnyRubric) -> ScoreResponse:
        items = []
        for index, frame in enumerate(frames):
            value = float(frame[:, :300].mean() - frame[:, 300:].mean())
            failed = index % 7 == 3
            items.append(
                RewardItem(
                    index=index,
                    reward=None if failed else 0.5,
                    value=None if failed else value,
                    unit="deg",
                    text="<script>document.body.remove()</script>" + "w" * 200 if index == 1 else "5",
                    message="not one number" if failed else None,
                    status=ItemStatus.UNPARSABLE if failed else ItemStatus.OK,
                )
            )
        return response([0.0]).model_copy(update={"data": items})


def options(tmp_path: Path, **changes: Any) -> TrainConfig:
    short: dict[str, Any] = {
        "name": "cartpole",
        "runs": tmp_path,
        "env_steps": 192,
        "learning_starts": 64,
        "eval_episodes": 2,
        "eval_every": 64,
    }
    return TrainConfig(**{**short, **changes})


def in_the_browser(tab: Page, page: Path, shot: Path, width: int) -> dict[str, Any]:
    """Opens a page in Chromium, takes a screenshot, and asks the page about itself."""
    tab.open(page.as_uri(), width, height=HEIGHT)
    seen: dict[str, Any] = tab.run(f"{CHECK}({width})")
    tab.screenshot(shot)
    with Image.open(shot) as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    seen["colours"] = len(np.unique(pixels, axis=0))
    return seen


def run_report(tmp_path: Path) -> Path:
    config = options(tmp_path, max_failed_share=0.5)
    client = Angles()
    trainer = Trainer(config, client, server_info())
    trainer.run()
    film(config.folder, trainer.greedy, trainer.task, client, "r")
    return write_report(config.folder)


def comparison_report(tmp_path: Path) -> Path:
    arms = (Arm.VLM, Arm.CONSTANT, Arm.RANDOM, Arm.RESAMPLED)
    runs = ExperimentConfig(
        arms=arms, seeds=3, seeds_without_server=3, train=options(tmp_path, name="c", max_failed_share=0.5)
    ).plan()
    for run in runs:
        Trainer(run, Angles() if run.arm.scores_frames else None, server_info()).run()
    write_experiment_report(tmp_path / "c", runs, 1.0)
    return tmp_path / "c" / "report.html"


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize(("make", "pictures"), [(run_report, OF_RUN), (comparison_report, OF_COMPARISON)])
def test_a_browser_shows_every_picture_and_cuts_nothing(
    tmp_path: Path, make: Callable[[Path], Path], pictures: int
) -> None:
    page = make(tmp_path)
    shown = [page.parent, *page.parent.glob("*/vlm/seed-1")]  # of a comparison the first run of each task
    samples = sum(len(list((folder / "samples_marked").glob("*.png"))) for folder in shown)
    assert samples > 19  # 10 as asked, at most 9 failures beside them, and some from all over the truth
    whole = {"pictures": pictures + samples, "missing": 0, "cut": 0, "wide": False, "overflowing": 0}
    with browser(tmp_path / "profile") as tab:
        for width in WIDTHS:
            seen = in_the_browser(tab, page, tmp_path / "shot.png", width)
            assert seen.pop("colours") > 200  # curves and frames, not an empty page
            assert seen == whole


def test_a_report_shows_answers_verbatim_and_runs_nothing_of_them(tmp_path: Path) -> None:
    page = run_report(tmp_path).read_text(encoding="utf-8")
    assert "&lt;script&gt;document.body.remove()&lt;/script&gt;" in page
    assert "<script" not in page
    assert "not one number" in page
    assert not re.search(r'src="(?!data:)', page)
    beside = re.findall(r'href="(?!data:)([^"]*)"', page)
    assert "labels.jsonl" in beside
    assert all((tmp_path / "cartpole" / name).exists() for name in beside)


def test_a_run_that_broke_off_has_its_report_too(tmp_path: Path) -> None:
    def breaks_off(_steps: int) -> None:
        raise RunStoppedError("enough")

    with pytest.raises(RunStoppedError):
        commands.train(options(tmp_path, arm=Arm.ORACLE), breaks_off)
    page = (tmp_path / "cartpole" / "report.html").read_text(encoding="utf-8")
    assert "broke off after 64 steps: enough" in page


def test_a_report_that_fails_does_not_hide_why_a_run_broke_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks_off(_steps: int) -> None:
        raise RunStoppedError("enough")

    def fails(*_: object) -> None:
        raise ValueError("no page")

    monkeypatch.setattr(single_run, "write_report", fails)
    with pytest.raises(RunStoppedError, match="enough"):
        commands.train(options(tmp_path, arm=Arm.ORACLE), breaks_off)


@pytest.mark.parametrize("broken", [False, True])
def test_the_page_is_written_once_after_the_film_and_also_where_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    done = []

    def films(*_: object) -> None:
        done.append("film")
        if broken:
            raise UnavailableError("gone")

    monkeypatch.setattr(single_run, "film", films)
    monkeypatch.setattr(single_run, "write_report", lambda _folder: done.append("page"))
    with pytest.raises(UnavailableError) if broken else nullcontext():
        commands.train(options(tmp_path, arm=Arm.ORACLE, video=True), lambda _steps: None)
    assert done == ["film", "page"]


def test_the_film_has_every_step_of_the_episode(tmp_path: Path) -> None:
    import imageio_ffmpeg

    def push_left(observations: NDArray[np.float32]) -> NDArray[np.int64]:
        return np.zeros(len(observations), dtype=np.int64)

    client = FakeClient()
    film(tmp_path, push_left, CartPole(), client, "r")
    count, _ = imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "video.mp4"))
    assert count == len(client.frames) > 5
    with Image.open(tmp_path / "video.gif") as gif:
        assert getattr(gif, "n_frames", 1) == -(-count // 4)


def test_samples_are_taken_as_asked(tmp_path: Path) -> None:
    Trainer(options(tmp_path, samples=4, sample_every=30), FakeClient(), server_info()).run()
    lines = (tmp_path / "cartpole" / "samples" / "samples.jsonl").read_text().splitlines()
    first = [row for row in map(json.loads, lines) if row["chosen"] == "first"]
    assert len(first) == 4
    labels = [json.loads(x) for x in (tmp_path / "cartpole" / "labels.jsonl").read_text().splitlines()]
    taken = [row["true_tilt_deg"] for row in first]
    assert taken == [labels[step]["true_tilt_deg"] for step in (0, 30, 60, 90)]


def test_no_samples_can_be_asked_for(tmp_path: Path) -> None:
    Trainer(options(tmp_path, samples=0), FakeClient(), server_info()).run()
    assert not list((tmp_path / "cartpole" / "samples").glob("*.png"))


def test_weights_and_biases_gets_the_run_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    class Run:
        id = "abc123"

        def __init__(self) -> None:
            self.summary: dict[str, Any] = {}

        def finish(self) -> None:
            seen["finished"] = True

    def init(**given: Any) -> Run:
        run = Run()
        seen.update(given, run=run)
        return run

    fake = ModuleType("wandb")
    fake.init = init  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", fake)
    Trainer(options(tmp_path, wandb=True), FakeClient(), server_info()).run()
    assert seen["sync_tensorboard"] is True
    assert seen["config"]["env_steps"] == 192
    assert seen["config"]["version"] == __version__
    assert seen["settings"] == {"disable_git": True}  # the current folder's repository is not the code's
    assert seen["run"].summary["arm"] == "vlm"
    assert seen["finished"] is True
    assert seen["id"] is None
    Trainer(options(tmp_path, wandb=True, resume=True), FakeClient(), server_info()).run()
    assert seen["id"] == "abc123"  # a run that goes on does so there as well


def test_weights_and_biases_that_is_not_installed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ConfigError, match="pip install wandb"):
        Trainer(options(tmp_path, wandb=True), FakeClient(), server_info())
