"""A run whose folder was removed, moved or replaced writes nothing into the one that is there now."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.config import Arm, TrainConfig
from agent.recording.run_folder import FolderLostError
from agent.training.train import Trainer
from tests.fakes import FakeClient, server_info

pytestmark = [
    pytest.mark.slow,
    # TensorBoard's thread may be about to write when the folder goes
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]


def config(runs: Path, **changes: Any) -> TrainConfig:
    quick: dict[str, Any] = {"arm": Arm.CONSTANT, "env_steps": 640, "learning_starts": 64, "eval_episodes": 1}
    return TrainConfig(runs=runs, name="one", checkpoint_every=64, **{**quick, **changes})


def removed(folder: Path) -> None:
    shutil.rmtree(folder)


def moved(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


def emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def replaced(folder: Path) -> None:
    removed(folder)
    Trainer(config(folder.parent, seed=2)).run()


@pytest.mark.parametrize("change", [removed, moved, emptied, replaced])
@pytest.mark.parametrize("at", [320, 640])
def test_a_run_ends_where_its_folder_is_not_its_own_any_more(
    tmp_path: Path, change: Callable[[Path], None], at: int
) -> None:
    folder, there = tmp_path / "one", dict[Path, bytes]()

    def progress(steps: int) -> None:
        if steps == at:
            change(folder)
            there.update({path: path.read_bytes() for path in folder.rglob("*") if path.is_file()})

    with pytest.raises(FolderLostError) as caught:
        Trainer(config(tmp_path), progress=progress).run()
    assert str(folder) in str(caught.value)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == there
    if change is replaced:
        assert json.loads((folder / "summary.json").read_text())["seed"] == 2


def test_not_even_a_sample_goes_into_the_folder_of_another_run(tmp_path: Path) -> None:
    folder = tmp_path / "one"

    def progress(steps: int) -> None:
        emptied(folder)
        (folder / "samples").mkdir()
        (folder / "samples_marked").mkdir()

    some = config(tmp_path, arm=Arm.VLM, samples=640)
    with pytest.raises(FolderLostError):
        Trainer(some, FakeClient(), server_info(), progress=progress).run()
    assert sorted(path.name for path in folder.rglob("*")) == ["samples", "samples_marked"]


def test_a_folder_by_another_path_is_still_the_same(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "link").symlink_to("runs")

    def progress(_: int) -> None:
        if (tmp_path / "link").is_symlink():
            (tmp_path / "link").unlink()
            (tmp_path / "runs").rename(tmp_path / "link")

    assert Trainer(config(tmp_path / "link"), progress=progress).run()["error"] is None
