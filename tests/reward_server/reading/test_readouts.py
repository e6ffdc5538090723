"""Readings from label probabilities, and from text beside them."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reward_client.rubric import (
    ChoiceReadout,
    ExpectationReadout,
    NumberReadout,
    Rubric,
    WeightsMap,
    YesNoReadout,
)
from reward_server.reading.readouts import Reading, read_every_way, read_labels
from reward_server.reading.reward_maps import reward_of

LOGPROBS = st.lists(st.floats(-200.0, 0.0), min_size=3, max_size=3)
LABELS = ["-10", "0", "30"]
DISTANCE = {"type": "distance", "target": 0, "tolerance": 1}


def logs(**probabilities: float) -> dict[str, float]:
    return {label: math.log(p) for label, p in probabilities.items()}


def test_expectation_renormalises_over_the_labels() -> None:
    readout = ExpectationReadout(type="expectation", labels=["-2", "4"])
    reading = read_labels(readout, {"-2": math.log(0.3), "4": math.log(0.1)})
    assert reading.value == pytest.approx(-0.5)
    assert reading.label_mass == pytest.approx(0.4)
    assert reading.probabilities == pytest.approx({"-2": 0.75, "4": 0.25})


def test_yes_no_is_the_share_of_yes() -> None:
    reading = read_labels(YesNoReadout(type="yes_no"), logs(Yes=0.3, No=0.1))
    assert reading.value == pytest.approx(0.75)


def test_a_choice_has_no_value() -> None:
    readout = ChoiceReadout(type="choice", labels=["a", "b"])
    reading = read_labels(readout, logs(a=0.2, b=0.6))
    assert reading.value is None
    assert reward_of(WeightsMap(type="weights", weights={"a": 0, "b": 2}), reading) == pytest.approx(1.5)


@given(LOGPROBS)
def test_a_reading_is_finite_and_within_its_labels(values: list[float]) -> None:
    readout = ExpectationReadout(type="expectation", labels=LABELS)
    reading = read_labels(readout, dict(zip(LABELS, values, strict=True)))
    assert reading.value is not None
    assert -10 <= reading.value <= 30
    assert sum((reading.probabilities or {}).values()) == pytest.approx(1.0)
    assert reading.label_mass is not None
    assert 0.0 <= reading.label_mass <= 1.0


@pytest.mark.parametrize(
    ("readout", "reward", "ways"),
    [
        ({"type": "expectation", "labels": ["-2", "4"]}, DISTANCE, {"number", "expectation", "choice"}),
        ({"type": "yes_no"}, {"type": "probability"}, {"yes_no", "choice"}),
        (
            {"type": "choice", "labels": ["a", "b"]},
            {"type": "weights", "weights": {"a": 0, "b": 1}},
            {"choice"},
        ),
        ({"type": "number", "grammar": "signed_angle"}, DISTANCE, {"number"}),
    ],
)
def test_an_explanation_has_every_readout_that_applies(
    readout: dict[str, Any], reward: dict[str, Any], ways: set[str]
) -> None:
    rubric = Rubric.model_validate({"prompt": "?", "readout": readout, "reward": reward, "unit": "deg"})
    labels = rubric.readout.labels
    reading = Reading(None)
    if not isinstance(rubric.readout, NumberReadout):
        reading = read_labels(
            rubric.readout, {label: math.log(0.4 + 0.1 * i) for i, label in enumerate(labels)}
        )
    read = read_every_way(rubric, reading, "It leans 4 degrees to the left.", truncated=False)
    assert set(read) == ways
    if "number" in ways:
        assert read["number"].value == -4.0
    if "choice" in ways:
        assert read["choice"].label == labels[1]


@pytest.mark.parametrize(
    ("readout", "unit", "value"),
    [
        ({"type": "number"}, "deg", 4.0),
        ({"type": "number", "grammar": "plain"}, None, 4.0),
        ({"type": "number", "grammar": "signed_angle"}, None, -4.0),
        ({"type": "expectation", "labels": ["-2", "4"]}, "deg", -4.0),
        ({"type": "expectation", "labels": ["-2", "4"]}, "rad", -math.radians(4.0)),
        ({"type": "expectation", "labels": ["-2", "4"]}, "degrees", -4.0),
        ({"type": "expectation", "labels": ["-2", "4"]}, "of 10", None),
        ({"type": "expectation", "labels": ["-2", "4"]}, None, 4.0),
    ],
)
def test_the_readouts_grammar_reads_the_explanation(
    readout: dict[str, Any], unit: str | None, value: float | None
) -> None:
    rubric = Rubric.model_validate({"prompt": "?", "readout": readout, "reward": DISTANCE, "unit": unit})
    read = read_every_way(rubric, Reading(None), "It leans 4 degrees to the left.", truncated=False)
    assert read["number"].value == (None if value is None else pytest.approx(value))
