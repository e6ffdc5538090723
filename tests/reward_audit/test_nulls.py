"""What becomes of frames and questions in the nulls and in the changes that should not matter."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from reward_audit.showing.conditions import Condition, Kind
from reward_audit.showing.nulls import NULLS
from reward_audit.showing.plan import split_budget
from reward_audit.showing.robustness import ROBUSTNESS
from reward_audit.showing.sweep import Source, render, sweep_states
from reward_client.rubric import Preprocess, Region, Rubric
from reward_tasks.catalog import TASKS, find_task
from tests.paths import ROOT

CONDITIONS = {condition.name: condition for condition in (*NULLS, *ROBUSTNESS)}
FRAME = np.arange(40 * 60 * 3, dtype=np.int64).reshape(40, 60, 3).astype(np.uint8)


def picture(name: str, seed: int = 0) -> NDArray[np.uint8]:
    made = CONDITIONS[name].picture(FRAME, np.random.default_rng(seed))
    return np.asarray(Image.open(io.BytesIO(made))) if isinstance(made, bytes) else made


def rubric(kind: str) -> Rubric:
    readout: dict[str, Any] = {"type": kind}
    reward: dict[str, Any] = {"type": "affine", "scale": 1}
    if kind == "expectation":
        readout["labels"] = ["0", "1"]
    if kind == "choice":
        readout["labels"] = ["Left", "Right"]
        reward = {"type": "weights", "weights": {"Left": 0, "Right": 1}}
    return Rubric.model_validate({"prompt": "Does the pole lean?", "readout": readout, "reward": reward})


def test_every_null_and_every_change_that_was_asked_for_is_there() -> None:
    kinds = {kind: {c.name for c in CONDITIONS.values() if c.kind is kind} for kind in Kind}
    assert kinds[Kind.NULL] == {"black", "noise", "still", "wrong_question"}
    assert kinds[Kind.CONTROL] == {"mirrored", "lower_case", "announced"}
    assert kinds[Kind.ROBUSTNESS] == {"jpeg", "crop", "region", "recoloured", "rescaled"}
    assert kinds[Kind.RETEST] == {"retest"}


def test_black_and_noise_show_nothing_of_the_frame() -> None:
    assert picture("black").max() == 0
    assert picture("black").shape == FRAME.shape
    assert (picture("noise", 1) == picture("noise", 1)).all()
    assert (picture("noise", 1) != picture("noise", 2)).mean() > 0.9
    assert abs(np.corrcoef(picture("noise").ravel(), FRAME.ravel())[0, 1]) < 0.1


def test_a_still_frame_and_a_black_one_are_shown_for_all_states() -> None:
    assert [c.name for c in CONDITIONS.values() if c.one_state] == ["black", "still"]
    assert (picture("still") == FRAME).all()


def test_the_same_frame_is_asked_again_so_that_no_cache_knows_it() -> None:
    again = picture("retest")
    assert (again != FRAME).sum() == 1
    assert np.abs(again.astype(int) - FRAME).max() == 1


def test_changes_leave_what_the_frame_shows() -> None:
    assert (picture("mirrored") == FRAME[:, ::-1]).all()
    assert (np.sort(picture("recoloured"), axis=2) == np.sort(FRAME, axis=2)).all()
    assert (picture("recoloured") != FRAME).any()
    assert picture("rescaled").shape == (24, 36, 3)
    assert 0 < np.abs(picture("jpeg").astype(int) - FRAME).mean() < 60
    assert CONDITIONS["crop"].preprocess is Preprocess.CROP
    region = CONDITIONS["region"].preprocess
    assert isinstance(region, Region)
    assert region.box == pytest.approx((0.05, 0.05, 0.95, 0.95))


@pytest.mark.parametrize(
    ("kind", "question"),
    [
        ("yes_no", "Is there a giraffe in the picture? Answer Yes or No."),
        ("expectation", "How many giraffes are in the picture? Answer with a number."),
        ("number", "How many giraffes are in the picture? Answer with a number."),
        ("choice", "Where is the giraffe in the picture? Answer Left or Right."),
    ],
)
def test_the_wrong_question_is_of_the_same_form_about_something_that_is_not_there(
    kind: str, question: str
) -> None:
    asked = CONDITIONS["wrong_question"].question(rubric(kind))
    assert asked.prompt == question
    assert asked.model_copy(update={"prompt": "Does the pole lean?"}) == rubric(kind)


def test_rewordings_ask_the_same() -> None:
    prompts = {name: CONDITIONS[name].question(rubric("yes_no")).prompt for name in CONDITIONS}
    assert prompts["lower_case"] == "does the pole lean"
    assert prompts["announced"] == "Look at the picture. Does the pole lean?"
    assert prompts["jpeg"] == "Does the pole lean?"


@pytest.mark.parametrize(
    ("kind", "prompt", "asked"),
    [
        (
            "yes_no",
            "Does the pole lean? Noting nothing else, answer Yes or No.",
            "does the pole lean? noting nothing else, answer Yes or No",
        ),
        (
            "choice",
            "Which way, LEFT or not? Answer Left or Right.",
            "which way, left or not? answer Left or Right",
        ),
    ],
)
def test_the_question_in_lower_case_spells_the_labels_as_they_are_read(
    kind: str, prompt: str, asked: str
) -> None:
    whole = rubric(kind).model_copy(update={"prompt": prompt})
    assert CONDITIONS["lower_case"].question(whole).prompt == asked


@pytest.mark.parametrize("frames", [200, 300, 999, 1000])
def test_the_budget_is_spent_to_the_last_frame(frames: int) -> None:
    sources, conditions = split_budget(frames, list(CONDITIONS.values()))
    assert sum(sources.values()) + sum(conditions.values()) == frames
    assert set(sources) == set(Source)
    assert set(conditions) == set(CONDITIONS)
    assert min(*sources.values(), *conditions.values()) >= 1
    assert sum(sources.values()) == pytest.approx(0.6 * frames, abs=3)
    assert sources[Source.GRID] == pytest.approx(0.3 * frames, abs=3)


def test_the_documentation_has_the_split_of_a_thousand_frames() -> None:
    sources, conditions = split_budget(1000, list(CONDITIONS.values()))
    asked = (ROOT / "docs" / "audit.md").read_text().split("## What it asks")[1].split("\n## ")[0]
    told = [int(count) for row in re.findall(r"^\| ([0-9, ]+) \|", asked, re.M) for count in row.split(",")]
    told.remove(0)  # the null that is computed
    assert told == [*sources.values(), *conditions.values()]


def test_what_a_task_cannot_show_goes_to_the_others() -> None:
    some = [c for c in CONDITIONS.values() if c.name != "mirrored"]
    sources, conditions = split_budget(1000, some)
    assert sum(sources.values()) + sum(conditions.values()) == 1000
    assert "mirrored" not in conditions


@pytest.mark.parametrize("name", [name for name in TASKS if name != "MountainCar-v0"])
def test_a_mirrored_frame_shows_the_state_that_the_task_says(name: str) -> None:
    task = find_task(name)
    env = task.make(frames=True)
    env.reset(seed=0)
    states = sweep_states(task, {Source.GRID: 20}, seed=0)
    mirrored = task.mirrored(np.stack([state.observation for state in states]))
    assert mirrored is not None
    differences = {"mirrored": list[float](), "not mirrored": list[float]()}
    for state, other in zip(states, mirrored, strict=True):
        frame = render(task, env, state)[:, ::-1].astype(float)
        for key, observation in (("mirrored", other), ("not mirrored", state.observation)):
            differences[key].append(float(np.abs(frame - env_at(name, observation)).mean()))
    # edges fall between pixels, and Pendulum's arrow is no part of what is observed
    assert np.mean(differences["mirrored"]) < 0.35 * np.mean(differences["not mirrored"])
    env.close()


def env_at(name: str, observation: NDArray[np.float32]) -> Any:
    """The frame of what is observed."""
    task = find_task(name)
    env = task.make(frames=True)
    env.reset(seed=0)
    state = np.asarray(observation, dtype=float)
    if name == "Acrobot-v1":
        state = np.array([np.arctan2(state[1], state[0]), np.arctan2(state[3], state[2]), 0, 0])
    if name == "Pendulum-v1":
        state = np.array([np.arctan2(state[1], state[0]), 0])
    task.place(env, state)
    frame = env.render()
    env.close()
    return frame


def test_a_car_on_mirrored_hills_is_no_state() -> None:
    assert find_task("MountainCar-v0").mirrored(np.zeros((1, 2), dtype=np.float32)) is None


def test_conditions_have_names_of_their_own_and_say_what_they_are() -> None:
    assert len(CONDITIONS) == len(NULLS) + len(ROBUSTNESS)
    for condition in CONDITIONS.values():
        assert isinstance(condition, Condition)
        assert condition.told
