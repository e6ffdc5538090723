"""The environment, task and rubric that docs/first-experiment.md shows are found and fit together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from reward_client.files.rubric_file import read_rubric
from reward_tasks.catalog import find_task
from tests.paths import ROOT

PAGE = ROOT / "docs" / "first-experiment.md"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The reader's folder: the module, and the rubrics."""
    text = PAGE.read_text()
    (block,) = re.findall(r"runs this block -->\n```python\n(.*?)```", text, re.DOTALL)
    (rubric,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "moon_pole.py").write_text(block)
    (tmp_path / "rubrics").mkdir()
    (tmp_path / "rubrics" / "balanced.yaml").write_text(rubric)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    gym.registry.pop("MoonPole-v0", None)


def test_the_task_is_found_and_a_frame_shows_its_truth(folder: Path) -> None:
    task = find_task("moon_pole:MoonPole")
    env = task.make(frames=True)
    env.reset(seed=0)
    observation = task.place(env, np.array([0.0, 0.0, np.radians(-6.0), 0.0]))
    assert task.truth(observation[None])["tilt_deg"] == pytest.approx(-6.0, abs=1e-4)
    assert np.asarray(env.render()).shape == (400, 600, 3)
    env.close()


def test_the_rubric_is_one_and_the_page_on_rubrics_shows_the_same(folder: Path) -> None:
    rubric = folder / "rubrics" / "balanced.yaml"
    assert read_rubric(rubric).goal == "the pole is balanced"
    assert rubric.read_text() in (ROOT / "docs" / "rubrics.md").read_text()
