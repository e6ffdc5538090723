"""The newest frames of a run: a few, small, in a file that is whole; no step waits for it."""

from __future__ import annotations

import base64
import io
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from agent.config import TrainConfig
from agent.recording import newest_frames
from agent.recording.newest_frames import EVERY_STEPS, KEPT, NewestFrames
from agent.recording.run_folder import FolderLostError
from agent.training.train import Trainer
from tests.fakes import FakeClient, server_info

FRAME = np.full((400, 600, 3), 128, dtype=np.uint8)


def nothing() -> None:
    """The folder is the run's own."""


def content(folder: Path) -> list[dict[str, Any]]:
    frames: list[dict[str, Any]] = json.loads((folder / "newest_frames.json").read_text())["frames"]
    return frames


def added(newest: NewestFrames, steps: int, frame: NDArray[np.uint8] = FRAME) -> None:
    for step in range(steps):
        newest.add(frame, {"step": step + 1, "reward": 0.5, "text": "5"})


def test_the_file_holds_the_newest_of_every_few_steps_oldest_first(tmp_path: Path) -> None:
    newest = NewestFrames(tmp_path, nothing)
    added(newest, 40 * EVERY_STEPS)
    newest.close()
    steps = [frame["step"] for frame in content(tmp_path)]
    assert len(steps) == KEPT
    assert steps[-1] == 39 * EVERY_STEPS + 1
    assert np.diff(steps).tolist() == [EVERY_STEPS] * (KEPT - 1)
    assert content(tmp_path)[-1]["text"] == "5"


def test_a_frame_is_small_and_a_picture(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    newest = NewestFrames(tmp_path, nothing)
    added(newest, KEPT * EVERY_STEPS, rng.integers(0, 256, (1080, 1920, 3), dtype=np.uint8))
    newest.close()
    assert (tmp_path / "newest_frames.json").stat().st_size < 1_000_000  # of noise, the worst there is
    with Image.open(io.BytesIO(base64.b64decode(content(tmp_path)[0]["image"].partition(",")[2]))) as image:
        assert max(image.size) <= newest_frames.LONGEST_SIDE_PX


def test_it_is_written_now_and_then_and_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    monkeypatch.setattr(newest_frames, "WRITE_EVERY_S", 3600.0)
    monkeypatch.setattr(newest_frames, "write_json", lambda _path, file: written.append(len(file["frames"])))
    newest = NewestFrames(tmp_path, nothing)
    added(newest, 5 * EVERY_STEPS)
    newest.close()
    assert written == [1, 5]  # the first at once, the others in the hour after it


def test_where_no_thread_can_start_the_frames_wait_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(newest_frames, "WRITE_EVERY_S", 0.0)
    newest = NewestFrames(tmp_path, nothing)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fails)
        added(newest, 40 * EVERY_STEPS)
    newest.add(FRAME, {"step": 40 * EVERY_STEPS + 1})
    newest.close()
    steps = [frame["step"] for frame in content(tmp_path)]
    assert steps == [row * EVERY_STEPS + 1 for row in range(41 - KEPT, 41)]
    newest.close()


def test_at_the_end_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = NewestFrames(tmp_path, nothing)

    def fails(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fails)
    added(newest, EVERY_STEPS)
    newest.close()
    assert [frame["step"] for frame in content(tmp_path)] == [1]


def test_a_lost_folder_is_left_alone(tmp_path: Path) -> None:
    def lost() -> None:
        raise FolderLostError("moved")

    newest = NewestFrames(tmp_path, lost)
    added(newest, 5)
    newest.close()
    assert not list(tmp_path.iterdir())


def test_a_run_leaves_its_newest_frames_with_their_answers(tmp_path: Path) -> None:
    config = TrainConfig(name="a", runs=tmp_path, env_steps=192, learning_starts=64, eval_episodes=1)
    Trainer(config, FakeClient(), server_info()).run()
    frames = content(tmp_path / "a")
    rows = [json.loads(line) for line in (tmp_path / "a" / "labels.jsonl").read_text().splitlines()]
    assert [frame["step"] for frame in frames] == list(range(1, 193, EVERY_STEPS))[-KEPT:]
    for frame in frames:
        assert {key: frame[key] for key in rows[0]} == rows[frame["step"] - 1]
