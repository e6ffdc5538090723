"""A correction lies between what was read and the reward; an unsure answer has no reward."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reward_client.rubric import Rubric
from reward_client.schema import ItemStatus
from reward_client.wording.reward_bounds import bounds_of
from reward_server.engine.interface import Answer
from reward_server.reading.readouts import normalised_entropy
from reward_server.reading.reward_maps import corrected
from reward_server.reading.score_item import reward_item

KNOTS = [(-10.0, -5.0), (0.0, 0.0), (10.0, 20.0), (20.0, 20.0)]
KNOT = st.floats(-1e12, 1e12)


def rubric(readout: dict[str, Any], **more: Any) -> Rubric:
    reward = {"type": "distance", "target": 0, "tolerance": 10}
    return Rubric.model_validate({"prompt": "?", "readout": readout, "reward": reward, "unit": "deg", **more})


@pytest.mark.parametrize(
    ("read", "true"),
    [(-10, -5), (-4, -2), (0, 0), (2.5, 5), (10, 20), (15, 20), (-999, -5), (1e300, 20)],
)
def test_a_value_is_corrected_along_straight_lines_and_level_beyond_them(read: float, true: float) -> None:
    assert corrected(read, KNOTS) == pytest.approx(true)


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.tuples(KNOT, KNOT), min_size=2, max_size=64, unique_by=lambda knot: knot[0]),
)
def test_a_corrected_value_is_between_the_ends_of_the_knots(
    value: float, pairs: list[tuple[float, float]]
) -> None:
    reads, trues = sorted(read for read, _ in pairs), sorted(true for _, true in pairs)
    knots = list(zip(reads, trues, strict=True))
    assert trues[0] <= corrected(value, knots) <= trues[-1]
    mended = rubric({"type": "number"}, correction=knots, reward={"type": "affine", "scale": -3})
    item = reward_item(0, mended, Answer(f"{value:f}"[:40]), None)
    low, high = bounds_of(mended)
    assert item.reward is None or low <= item.reward <= high


def test_value_and_reward_are_the_corrected_ones_and_the_explanation_tells_what_was_read() -> None:
    mended = rubric({"type": "number", "grammar": "plain"}, correction=KNOTS)
    item = reward_item(0, mended, Answer("2.5 degrees"), Answer("2.5 degrees"))
    assert item.status is ItemStatus.OK
    assert item.value == pytest.approx(5.0)
    assert item.reward == pytest.approx(0.5)
    assert item.explanation is not None
    assert item.explanation.readouts["number"].value == 2.5


def test_an_expectation_is_corrected_too() -> None:
    mended = rubric({"type": "expectation", "labels": ["0", "10"]}, correction=KNOTS)
    item = reward_item(0, mended, Answer("0", {"0": math.log(0.75), "10": math.log(0.25)}), None)
    assert item.value == pytest.approx(5.0)
    assert item.reward == pytest.approx(0.5)
    assert item.probabilities == pytest.approx({"0": 0.75, "10": 0.25})


def test_a_value_below_the_label_mass_is_corrected_and_not_rewarded() -> None:
    mended = rubric({"type": "expectation", "labels": ["0", "10"]}, correction=KNOTS)
    item = reward_item(0, mended, Answer("x", {"0": math.log(0.03), "10": math.log(0.01)}), None)
    assert (item.status, item.reward) == (ItemStatus.LOW_LABEL_MASS, None)
    assert item.value == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("probabilities", "entropy"),
    [
        ([1.0, 0.0, 0.0, 0.0], 0.0),
        ([0.25] * 4, 1.0),
        ([0.5, 0.5, 0.0, 0.0], 0.5),
        ([0.9, 0.1], -(0.9 * math.log2(0.9) + 0.1 * math.log2(0.1))),
    ],
)
def test_entropy_is_a_share_of_the_highest_one(probabilities: list[float], entropy: float) -> None:
    assert normalised_entropy(probabilities) == pytest.approx(entropy)


@pytest.mark.parametrize(
    ("limit", "status"),
    [(None, ItemStatus.OK), (0.82, ItemStatus.OK), (0.81, ItemStatus.UNPARSABLE)],
)
def test_an_answer_above_the_limit_on_entropy_has_no_reward(limit: float | None, status: ItemStatus) -> None:
    asked = rubric({"type": "expectation", "labels": ["0", "10"], "max_entropy": limit})
    item = reward_item(0, asked, Answer("0", {"0": math.log(0.75), "10": math.log(0.25)}), None)  # 0.811
    assert item.status is status
    assert (item.reward is None) == (status is not ItemStatus.OK)
    assert item.value == pytest.approx(2.5)
    if limit == 0.81:
        assert item.message == (
            "the model is not sure: the entropy of its answer among the labels is 0.811 of the highest one; "
            "the rubric allows 0.81"
        )


def test_too_little_label_mass_is_named_before_entropy() -> None:
    asked = rubric({"type": "expectation", "labels": ["0", "10"], "max_entropy": 0.0})
    item = reward_item(0, asked, Answer("0", {"0": math.log(0.1), "10": math.log(0.1)}), None)
    assert item.status is ItemStatus.LOW_LABEL_MASS
