"""Rewards from readings: finite, and within the bounds that are declared."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reward_client.rubric import DistanceMap, ProbabilityMap, Rubric
from reward_client.wording.reward_bounds import bounds_of
from reward_server.reading.readouts import Reading
from reward_server.reading.reward_maps import reward_of

FINITE = st.floats(allow_nan=False, allow_infinity=False)
CLIP = st.none() | st.tuples(FINITE, FINITE).filter(lambda ends: ends[0] < ends[1])
DISTANCE = st.fixed_dictionaries(
    {
        "type": st.just("distance"),
        "target": FINITE,
        "tolerance": FINITE.filter(lambda x: x > 0),
        "shape": st.sampled_from(["linear", "quadratic", "gaussian"]),
        "clip": CLIP,
    }
)
AFFINE = st.fixed_dictionaries({"type": st.just("affine"), "scale": FINITE, "offset": FINITE, "clip": CLIP})
PROBABILITY = st.fixed_dictionaries({"type": st.just("probability"), "clip": CLIP})
WEIGHTS = st.fixed_dictionaries(
    {"type": st.just("weights"), "weights": st.fixed_dictionaries({"a": FINITE, "b": FINITE}), "clip": CLIP}
)


def rubric(readout: dict[str, Any], reward: dict[str, Any]) -> Rubric:
    return Rubric.model_validate({"prompt": "?", "readout": readout, "reward": reward})


def check(rubric: Rubric, reading: Reading) -> None:
    low, high = bounds_of(rubric)
    try:
        reward = reward_of(rubric.reward, reading)
    except OverflowError:
        # only where nothing bounds the reward
        assert not (math.isfinite(low) and math.isfinite(high))
        return
    assert math.isfinite(reward)
    slack = 1e-9 * max(1.0, abs(reward))  # scale * value + offset rounds
    assert low - slack <= reward <= high + slack


@given(FINITE, DISTANCE | AFFINE)
def test_the_reward_of_a_number_is_finite_and_within_its_bounds(value: float, reward: dict[str, Any]) -> None:
    check(rubric({"type": "number"}, reward), Reading(value))


@given(st.floats(-10, 30), DISTANCE | AFFINE)
def test_the_reward_of_an_expectation_is_finite_and_within_its_bounds(
    value: float, reward: dict[str, Any]
) -> None:
    readout = {"type": "expectation", "labels": ["-10", "0", "30"]}
    check(rubric(readout, reward), Reading(value))


@given(st.floats(0, 1), PROBABILITY | AFFINE)
def test_the_reward_of_a_yes_is_finite_and_within_its_bounds(value: float, reward: dict[str, Any]) -> None:
    check(rubric({"type": "yes_no"}, reward), Reading(value))


@given(st.floats(0, 1), WEIGHTS)
def test_the_reward_of_a_choice_is_finite_and_within_its_bounds(p: float, reward: dict[str, Any]) -> None:
    readout = {"type": "choice", "labels": ["a", "b"]}
    check(rubric(readout, reward), Reading(None, {"a": p, "b": 1.0 - p}, 1.0))


@pytest.mark.parametrize(
    ("shape", "value", "reward"),
    [
        ("linear", 0.0, 1.0),
        ("linear", 6.0, 0.5),
        ("linear", -6.0, 0.5),
        ("linear", 12.0, 0.0),
        ("linear", 50.0, 0.0),
        ("quadratic", 6.0, 0.75),
        ("quadratic", -12.0, 0.0),
        ("quadratic", 50.0, 0.0),
        ("gaussian", 0.0, 1.0),
        ("gaussian", 12.0, math.exp(-0.5)),
        ("gaussian", -24.0, math.exp(-2.0)),
        ("gaussian", 1e300, 0.0),
    ],
)
def test_the_distance_map_falls_with_its_shape(shape: Any, value: float, reward: float) -> None:
    distance = DistanceMap(type="distance", target=0, tolerance=12, shape=shape)
    assert reward_of(distance, Reading(value)) == pytest.approx(reward)


def test_clipping_comes_last() -> None:
    reading = Reading(0.9)
    assert reward_of(ProbabilityMap(type="probability"), reading) == 0.9
    assert reward_of(ProbabilityMap(type="probability", clip=(-1, 0.5)), reading) == 0.5


@pytest.mark.parametrize(
    ("readout", "reward", "bounds"),
    [
        ({"type": "number"}, {"type": "affine", "scale": 2}, (-math.inf, math.inf)),
        ({"type": "number"}, {"type": "affine", "scale": 0, "offset": 3}, (3, 3)),
        ({"type": "number"}, {"type": "affine", "scale": -1, "clip": [0, 5]}, (0, 5)),
        (
            {"type": "expectation", "labels": ["0", "9"]},
            {"type": "affine", "scale": -2, "offset": 1},
            (-17, 1),
        ),
        ({"type": "yes_no"}, {"type": "affine", "scale": 2, "offset": -1}, (-1, 1)),
        ({"type": "yes_no"}, {"type": "probability", "clip": [0.25, 2]}, (0.25, 1)),
        (
            {"type": "choice", "labels": ["a", "b"]},
            {"type": "weights", "weights": {"a": -1, "b": 4}},
            (-1, 4),
        ),
    ],
)
def test_the_declared_bounds_are_the_tightest(
    readout: dict[str, Any], reward: dict[str, Any], bounds: tuple[float, float]
) -> None:
    assert bounds_of(rubric(readout, reward)) == bounds
