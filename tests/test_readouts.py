"""Readings and rewards from label probabilities."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reward_client.schema import (
    ChoiceReadout,
    DistanceMap,
    ExpectationReadout,
    ProbabilityMap,
    WeightsMap,
    YesNoReadout,
)
from reward_server.readouts import Reading, read_labels
from reward_server.reward_maps import reward_of

LOGPROBS = st.lists(st.floats(-200.0, 0.0), min_size=3, max_size=3)
LABELS = ["-10", "0", "30"]


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
    assert sum(reading.probabilities.values()) == pytest.approx(1.0)
    assert 0.0 <= reading.label_mass <= 1.0


@given(LOGPROBS, st.floats(-50, 50), st.floats(0.01, 100))
def test_a_distance_reward_is_between_0_and_1(values: list[float], target: float, tolerance: float) -> None:
    readout = ExpectationReadout(type="expectation", labels=LABELS)
    reading = read_labels(readout, dict(zip(LABELS, values, strict=True)))
    reward = reward_of(DistanceMap(type="distance", target=target, tolerance=tolerance), reading)
    assert 0.0 <= reward <= 1.0


@pytest.mark.parametrize(("value", "reward"), [(0.0, 1.0), (6.0, 0.5), (-6.0, 0.5), (12.0, 0.0), (50.0, 0.0)])
def test_the_distance_map_falls_linearly(value: float, reward: float) -> None:
    reading = Reading(value, probabilities={}, label_mass=1.0)
    assert reward_of(DistanceMap(type="distance", target=0, tolerance=12), reading) == pytest.approx(reward)


def test_a_probability_is_its_own_reward() -> None:
    reading = read_labels(YesNoReadout(type="yes_no"), logs(Yes=0.6, No=0.2))
    assert reward_of(ProbabilityMap(type="probability"), reading) == reading.value
