"""The wire contract accepts what it should and names what is wrong."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from reward_client.rubric import _FITTING, Readout, Rubric
from reward_client.schema import ItemStatus, RewardItem, ScoreRequest

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
        ({**ANGLE, "prompt": " \n"}, "prompt"),
        ({**ANGLE, "prompt": "nul \0"}, "U+0000"),
        ({**ANGLE, "prompt": "escape \x1b"}, "U+001B"),
        ({**ANGLE, "prompt": "lone \ud800"}, "prompt"),
        ({**ANGLE, "goal": ""}, "goal"),
        ({**ANGLE, "goal": "x" * 600}, "goal"),
        ({**ANGLE, "goal": "nul \0"}, "goal"),
        ({**ANGLE, "version": 0}, "version"),
        ({**ANGLE, "unit": "x" * 20}, "unit"),
        (with_change("readout", labels=[]), "labels"),
        (with_change("readout", labels=["1", ""]), "labels"),
        (with_change("readout", labels=["1", " 2"]), "labels"),
        (with_change("readout", labels=["1", "2."]), "labels"),
        (with_change("readout", labels=["1", "\ud800"]), "labels"),
        (with_change("readout", min_label_mass=float("nan")), "min_label_mass"),
        (with_change("readout", min_label_mass=1.5), "min_label_mass"),
        ({**ANGLE, "readout": {"type": "number", "max_tokens": 0}}, "max_tokens"),
        ({**ANGLE, "readout": {"type": "number", "max_tokens": 10_000}}, "max_tokens"),
        (with_change("reward", tolerance=-1), "tolerance"),
        (with_change("reward", tolerance=float("inf")), "tolerance"),
        (with_change("reward", shape="cubic"), "shape"),
        (with_change("reward", clip=[1, 0]), "clip"),
        (with_change("reward", clip=[0, float("inf")]), "clip"),
        (with_change("reward", clip=[float("nan"), 1]), "clip"),
        ({**ANGLE, "reward": {"type": "affine", "scale": float("nan")}}, "scale"),
        ({**ANGLE, "reward": {"type": "affine", "scale": 1, "offset": float("-inf")}}, "offset"),
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


@pytest.mark.parametrize(
    ("preprocess", "field"),
    [
        ("zoom", "preprocess"),
        ({"type": "region"}, "box"),
        ({"type": "region", "box": [0, 0, 1]}, "box"),
        ({"type": "region", "box": [0.5, 0, 0.5, 1]}, "box"),
        ({"type": "region", "box": [0, 0.9, 1, 0.1]}, "box"),
        ({"type": "region", "box": [0, 0, 1, 2]}, "box"),
        ({"type": "region", "box": [0, 0, 1, float("nan")]}, "box"),
    ],
)
def test_a_wrong_preprocessing_is_refused(preprocess: Any, field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ScoreRequest.model_validate({"images": [""], "rubric": "x", "preprocess": preprocess})
    assert field in str(caught.value)


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


def test_every_readout_has_the_maps_that_fit_it() -> None:
    known = {
        get_args(readout.model_fields["type"].annotation)[0] for readout in get_args(get_args(Readout)[0])
    }
    assert set(_FITTING) == known
