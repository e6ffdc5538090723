"""The wire contract accepts what it should and names what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from reward_client.schema import ItemStatus, RewardItem, Rubric, ScoreRequest

ANGLE: dict[str, Any] = {
    "prompt": "tilt?",
    "readout": {"type": "expectation", "labels": ["-1", "0", "1"]},
    "reward": {"type": "distance", "target": 0, "tolerance": 1},
}


def with_change(part: str, **change: Any) -> dict[str, Any]:
    return {**ANGLE, part: {**ANGLE[part], **change}}


def test_a_rubric_survives_the_wire() -> None:
    rubric = Rubric.model_validate(ANGLE)
    request = ScoreRequest(images=["aaaa"], rubric=rubric)
    assert ScoreRequest.model_validate_json(request.model_dump_json()).rubric == rubric


@pytest.mark.parametrize(
    ("rubric", "field"),
    [
        ({**ANGLE, "prompt": ""}, "prompt"),
        ({**ANGLE, "prompt": "x" * 5000}, "prompt"),
        ({**ANGLE, "unknown": 1}, "unknown"),
        (with_change("readout", labels=["1"]), "labels"),
        (with_change("readout", labels=["1", "one"]), "labels"),
        (with_change("readout", labels=["1", "1.0"]), "labels"),
        (with_change("readout", labels=["1", "nan"]), "labels"),
        (with_change("readout", labels=["1", "--1"]), "labels"),
        (with_change("readout", labels=[str(n) for n in range(129)]), "labels"),
        (with_change("readout", type="telepathy"), "readout"),
        (with_change("reward", tolerance=0), "tolerance"),
        (with_change("reward", tolerance=float("nan")), "tolerance"),
        (with_change("reward", target=float("inf")), "target"),
        ({**ANGLE, "reward": {"type": "probability"}}, "reward"),
        ({**ANGLE, "readout": {"type": "yes_no", "yes": "a", "no": "a"}}, "readout"),
    ],
)
def test_a_wrong_rubric_is_refused_by_field(rubric: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Rubric.model_validate(rubric)
    assert field in str(caught.value)


def test_weights_must_name_the_labels() -> None:
    rubric = {
        "prompt": "which?",
        "readout": {"type": "choice", "labels": ["a", "b"]},
        "reward": {"type": "weights", "weights": {"a": 1.0}},
    }
    with pytest.raises(ValidationError, match="exactly the readout's labels"):
        Rubric.model_validate(rubric)


@given(st.floats(), st.sampled_from(ItemStatus))
def test_an_item_never_has_a_reward_without_the_status_ok(reward: float, status: ItemStatus) -> None:
    try:
        item = RewardItem(index=0, reward=reward, status=status)
    except ValidationError:
        return
    assert item.status is ItemStatus.OK
    assert abs(reward) < float("inf")


@pytest.mark.parametrize("status", [s for s in ItemStatus if s is not ItemStatus.OK])
def test_an_item_without_reward_has_a_status(status: ItemStatus) -> None:
    assert RewardItem(index=0, reward=None, status=status).reward is None
    with pytest.raises(ValidationError):
        RewardItem(index=0, reward=None, status=ItemStatus.OK)
