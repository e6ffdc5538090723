"""What a run may not depend on: how fast answers come, and interruptions."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import agent.training.train
from agent.config import Arm, TrainConfig
from agent.training.saving import checkpoint_file as checkpoint
from agent.training.saving.checkpoint_file import CheckpointError
from agent.training.train import Trainer
from reward_client.labeling.same_rewards import RewardsChangedError
from reward_client.schema import ScoreResponse
from reward_client.wording.ensemble import AnyRubric
from tests.fakes import response, server_info
from tests.paths import ROOT

pytestmark = pytest.mark.slow


class ByPixels:
    """Rewards that are a function of the frame; one in seven frames has none."""

    def __init__(self, max_delay_s: float = 0.0, stop_after: int | None = None) -> None:
        self.max_delay_s, self.stop_after = max_delay_s, stop_after
        self.rng = np.random.default_rng()
        self.scored = 0

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: AnyRubric) -> ScoreResponse:
        time.sleep(self.rng.uniform(0, self.max_delay_s))
        self.scored += len(frames)
        if self.stop_after is not None and self.scored > self.stop_after:
            raise KeyboardInterrupt
        sums = [int(frame.sum(dtype=np.int64)) for frame in frames]
        return response([None if total % 7 == 0 else (total % 100) / 100 for total in sums])


def config(folder: Path, **changes: Any) -> TrainConfig:
    base: dict[str, Any] = {
        "runs": folder,
        "name": "cartpole",
        "env_steps": 640,
        "learning_starts": 64,
        "eval_episodes": 2,
        "eval_every": 200,
        "eval_every_episodes": 2,
        "checkpoint_every": 128,
        "epsilon_decay_steps": 400,
    }
    return TrainConfig(**{**base, **changes})


def trained(config: TrainConfig, client: ByPixels) -> Trainer:
    trainer = Trainer(config, client, server_info())
    trainer.run()
    return trainer


def same(a: Trainer, b: Trainer) -> None:
    for name in ("online", "target", "adam_mean", "adam_square"):
        assert torch.equal(getattr(a.learner, name), getattr(b.learner, name)), name
    assert (a.env_steps, a.records.state()) == (b.env_steps, b.records.state())
    assert (a.client and a.client.usage()) == (b.client and b.client.usage())


VARIANTS: dict[str, dict[str, Any]] = {
    "barrier": {},
    "overlap": {"schedule": "overlap"},
    "four shuffled": {"num_envs": 4, "arm": Arm.SHUFFLED, "task": "CartPoleContinuing-v0", "any_tilt": True},
}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Trainer]:
    """Gives a variant's run that nothing disturbed. It is trained once; tests only read it and its files."""

    @cache
    def run_of(variant: str) -> Trainer:
        return trained(config(tmp_path_factory.mktemp("whole"), **VARIANTS[variant]), ByPixels())

    return run_of


@pytest.fixture
def whole(uninterrupted: Callable[[str], Trainer]) -> Trainer:
    """That of the first variant."""
    return uninterrupted("barrier")


@pytest.mark.parametrize("variant", VARIANTS)
def test_delays_of_answers_change_no_weight(
    tmp_path: Path, uninterrupted: Callable[[str], Trainer], variant: str
) -> None:
    quick = uninterrupted(variant)
    slow = trained(config(tmp_path, **VARIANTS[variant]), ByPixels(max_delay_s=0.5))
    assert quick.records.frames.failed > 0
    same(quick, slow)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("stop_after", [220, 333, 620])
def test_a_run_that_was_interrupted_ends_like_one_that_was_not(
    tmp_path: Path, uninterrupted: Callable[[str], Trainer], variant: str, stop_after: int
) -> None:
    whole, changes = uninterrupted(variant), VARIANTS[variant]
    broken = config(tmp_path / "broken", **changes)
    with pytest.raises(KeyboardInterrupt):
        trained(broken, ByPixels(stop_after=stop_after))
    client = ByPixels()
    again = trained(config(tmp_path / "broken", resume=True, **changes), client)
    same(whole, again)
    assert client.scored < 640  # it did not begin anew
    for name in ("labels.jsonl", "samples/samples.jsonl"):
        texts = [(trainer.config.folder / name).read_text() for trainer in (whole, again)]
        assert texts[0] == texts[1], name
    assert metrics(whole) == metrics(again)


@pytest.mark.parametrize(
    ("place", "calls"), [("update", 1), ("update", 300), ("true_returns", 2), ("true_returns", 4)]
)
def test_a_run_that_was_interrupted_in_learning_or_evaluation_ends_like_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Trainer, place: str, calls: int
) -> None:
    real, count = getattr(agent.training.train, place), 0

    def interrupted(*arguments: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        if count == calls:  # the 4th evaluation is that after training
            raise KeyboardInterrupt
        return real(*arguments, **options)

    monkeypatch.setattr(agent.training.train, place, interrupted)
    with pytest.raises(KeyboardInterrupt):
        trained(config(tmp_path / "broken"), ByPixels())
    monkeypatch.undo()
    again = trained(config(tmp_path / "broken", resume=True), ByPixels())
    same(whole, again)
    assert metrics(whole) == metrics(again)


def test_a_process_that_was_killed_goes_on_as_if_it_had_not_been(tmp_path: Path, whole: Trainer) -> None:
    code = f"""
from pathlib import Path
from tests.agent.training.test_resume import ByPixels, config, trained
trained(config(Path({str(tmp_path / "broken")!r})), ByPixels(max_delay_s=0.1))
"""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    checkpoint_file = tmp_path / "broken" / "cartpole" / "checkpoint" / "state.npz"
    while not checkpoint_file.exists():
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(np.random.default_rng().uniform(0, 0.5))
    process.kill()
    assert process.wait() == -signal.SIGKILL
    client = ByPixels()
    again = trained(config(tmp_path / "broken", resume=True), client)
    assert client.scored < 640
    same(whole, again)
    assert metrics(whole) == metrics(again)


def metrics(trainer: Trainer) -> list[dict[str, Any]]:
    """What was recorded, without what the clock says."""
    clocks = {"charts/SPS", "charts/wall_clock_s"}
    lines = (trainer.config.folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in clocks} for line in lines]


class Killed(BaseException):
    """Ends a process at once."""


def test_a_run_that_dies_while_it_saves_goes_on_from_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Trainer
) -> None:
    saved = 0
    replace = Path.replace

    def dies(self: Path, target: Path) -> Path:
        nonlocal saved
        if self.name.startswith("state.npz"):
            saved += 1
            if saved == 3:
                self.write_bytes(self.read_bytes()[:100])
                raise Killed
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", dies)
    with pytest.raises(Killed):
        trained(config(tmp_path / "broken"), ByPixels())
    monkeypatch.undo()
    same(whole, trained(config(tmp_path / "broken", resume=True), ByPixels()))


def test_without_a_checkpoint_resuming_begins_at_the_beginning(tmp_path: Path, whole: Trainer) -> None:
    same(whole, trained(config(tmp_path, resume=True), ByPixels()))


def test_a_run_with_other_options_is_not_resumed(tmp_path: Path, whole: Trainer) -> None:
    shutil.copytree(whole.config.runs, tmp_path, dirs_exist_ok=True)
    with pytest.raises(CheckpointError, match=r"--seed 1 then, 2 now, --chunk-steps 64 then, 32 now"):
        Trainer(config(tmp_path, resume=True, seed=2, chunk_steps=32), ByPixels(), server_info())


def test_a_run_does_not_go_on_with_rewards_of_another_kind(tmp_path: Path) -> None:
    class Other(ByPixels):
        def score(self, frames: Sequence[NDArray[np.uint8]], rubric: AnyRubric) -> ScoreResponse:
            return super().score(frames, rubric).model_copy(update={"reward_id": "other"})

    with pytest.raises(KeyboardInterrupt):
        trained(config(tmp_path), ByPixels(stop_after=400))
    with pytest.raises(RewardsChangedError, match="abc to other"):
        trained(config(tmp_path, resume=True), Other())


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no", b"\x93NUMPY"])
def test_a_damaged_checkpoint_is_told(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "state.npz"
    path.write_bytes(damage)
    with pytest.raises(CheckpointError, match="cannot be read"):
        checkpoint.load(path)


def test_a_checkpoint_holds_arrays_numbers_and_texts_exactly(tmp_path: Path) -> None:
    state = {
        "a": np.arange(3, dtype=np.float32),
        "deep": [{"b": np.array([[True]])}, None, "text"],
        "big": 2**127 + 1,
        "x": 0.1,
    }
    checkpoint.save(tmp_path / "c" / "state.npz", state)
    loaded = checkpoint.load(tmp_path / "c" / "state.npz")
    np.testing.assert_array_equal(loaded.pop("a"), state.pop("a"))
    assert loaded["deep"][0]["b"].dtype == bool
    assert (loaded["deep"][1:], loaded["big"], loaded["x"]) == ([None, "text"], 2**127 + 1, 0.1)
