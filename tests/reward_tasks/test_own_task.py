"""The task of one's own that docs/tasks.md shows: it is found, learned and reported on."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from agent import commands
from agent.config import Arm, TrainConfig
from reward_tasks.catalog import find_task
from reward_tasks.task import TaskError
from tests.paths import ROOT


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The documented file, in the present folder; its lines."""
    text = (ROOT / "docs" / "tasks.md").read_text()
    (block,) = re.findall(r"runs this block -->\n```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "my_task.py").write_text(block)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield block
    gym.registry.pop("Dot-v0", None)


def test_it_is_short(module: str) -> None:
    assert len(module.splitlines()) < 60


@pytest.mark.slow
def test_it_is_learned_and_its_truth_is_recorded(module: str, tmp_path: Path) -> None:
    config = TrainConfig(
        name="dot",
        runs=tmp_path / "runs",
        task="my_task:DotTask",
        arm=Arm.ORACLE,
        env_steps=3000,
        epsilon_decay_steps=1500,
        eval_episodes=10,
    )
    summary = commands.train(config, lambda _steps: None)
    assert summary["solved"]
    assert summary["task"] == "my_task:DotTask"
    assert "my_task:DotTask" in (config.folder / "report.html").read_text()
    task = find_task("my_task:DotTask")
    env = task.make(frames=True)
    env.reset(seed=0)
    observation = task.place(env, np.array([0.5]))
    assert task.truth(observation[None])["dot_position"] == pytest.approx(0.5)
    assert np.asarray(env.render()).min() == 0
    assert json.loads((config.folder / "config.json").read_text())["options"]["task"] == "my_task:DotTask"


def test_a_class_that_lacks_something_is_named(module: str, tmp_path: Path) -> None:
    (tmp_path / "half_task.py").write_text(
        "from reward_tasks.task import Task\n\n\nclass Half(Task):\n    env_id = 'x'\n"
    )
    with pytest.raises(TaskError, match=r"is not complete.*abstract"):
        find_task("half_task:Half")


@pytest.mark.parametrize("methods", ["pass", "def oracle_of_truth(self, truth): return None"])
def test_a_class_that_says_no_perfect_reward_is_told_what_to_define(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, methods: str
) -> None:
    lines = module.replace("def oracle(", "def reward(")
    assert lines != module
    (tmp_path / "mute_task.py").write_text(f"{lines}\n\nclass Mute(DotTask):\n    {methods}\n")
    monkeypatch.delitem(sys.modules, "mute_task", raising=False)
    with pytest.raises(TaskError, match="define oracle_of_truth, or oracle"):
        find_task("mute_task:Mute").oracle(np.zeros((1, 1), dtype=np.float32))


@pytest.mark.parametrize(
    ("registered", "message"),
    [
        ("", "is not registered"),
        (
            "gym.register('Bare-v0', Dot, max_episode_steps=50)",
            "without a reward_threshold; set solved_return",
        ),
        ("gym.register('Bare-v0', Dot, reward_threshold=1)", "without max_episode_steps; set episode_steps"),
    ],
)
def test_what_the_registry_does_not_say_is_asked_for_at_once(
    module: str, tmp_path: Path, registered: str, message: str
) -> None:
    name = f"bare_{len(registered)}"
    text = f"{module}\n\n{registered}\n\n\nclass Bare(DotTask):\n    env_id = 'Bare-v0'\n"
    (tmp_path / f"{name}.py").write_text(text.replace('gym.register("Dot-v0"', 'gym.register("Dot-v9"'))
    try:
        with pytest.raises(TaskError, match=message):
            find_task(f"{name}:Bare")
    finally:
        for env_id in ("Bare-v0", "Dot-v9"):
            gym.registry.pop(env_id, None)
