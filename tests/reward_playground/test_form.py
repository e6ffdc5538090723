"""A rubric survives the form; what is wrong in it is told by field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reward_client.rubric import Rubric
from reward_client.wording.given_rubric import RubricContentError
from reward_playground.form import (
    STARTS,
    fields_of,
    list_of_text,
    rubric_from,
    text_of_list,
    text_of_weights,
    variables_of,
    weights_of_text,
)
from reward_server.rubrics.loading import load_rubrics

FULL = Rubric.model_validate(
    {
        "version": 3,
        "prompt": "How far?\nA number.",
        "goal": "it is far",
        "unit": "m",
        "readout": {"type": "expectation", "labels": ["0", "0.5", "7"], "max_entropy": 0.25},
        "reward": {"type": "affine", "scale": -0.125, "offset": 2, "clip": [-1, 1.5]},
        "correction": [[0, 1], [5, 7.5]],
    }
)
RUBRICS = {**load_rubrics(), **STARTS, "full": FULL}
LABELS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6).map(str.strip).filter(bool)


@pytest.mark.parametrize("name", RUBRICS)
def test_a_rubric_comes_back_from_its_fields(name: str) -> None:
    assert rubric_from(fields_of(RUBRICS[name])) == RUBRICS[name]


@given(st.lists(LABELS | st.integers(-30, 30).map(str), max_size=30))
def test_any_list_of_labels_comes_back_from_its_text(labels: list[str]) -> None:
    assert list_of_text(text_of_list(labels)) == labels


@given(st.dictionaries(LABELS, st.floats(-1e6, 1e6, allow_nan=False), max_size=8))
def test_any_weights_come_back_from_their_text(weights: dict[str, float]) -> None:
    read = {label: float(weight) for label, weight in weights_of_text(text_of_weights(weights)).items()}
    assert read == weights


def test_long_runs_of_numbers_are_ranges() -> None:
    assert fields_of(RUBRICS["cartpole-angle"])["labels"] == "-96..-20 by 2, -19..20, 22..96 by 2"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prompt": " "}, "prompt: "),
        ({"tolerance": "0"}, "reward.tolerance: "),
        ({"labels": "1..500"}, "readout.labels: "),
        ({"labels": "[1"}, "labels: not valid JSON"),
        ({"readout": "guess"}, "readout: "),
        ({"clip_low": "0"}, "reward.clip"),
        ({"map": "weights", "weights": "Yes"}, "weights: 'Yes' is not label = weight"),
        ({"map": "weights", "weights": "a = 1, a = 2"}, "stands there twice"),
        ({"correction": "1, 2"}, "correction: not valid JSON"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, str], message: str) -> None:
    with pytest.raises(RubricContentError, match=r"the question: |JSON|weight|twice") as error:
        rubric_from({**fields_of(RUBRICS["cartpole-angle"]), **changes})
    assert message in str(error.value)


def test_values_for_places_are_lines() -> None:
    assert variables_of("text = a = b\n\nname=x\n") == {"text": "a = b", "name": "x"}
    assert variables_of(" \n") is None
    with pytest.raises(RubricContentError, match="values: 'cat'"):
        variables_of("cat")
    lines = [f"name{number} = x" for number in range(17)]
    assert len(variables_of("\n".join(lines[:16])) or {}) == 16
    with pytest.raises(RubricContentError, match="values: there are 17 names; the limit is 16"):
        variables_of("\n".join(lines))
