"""A rubric's correction and its limit on entropy: what they may hold, and that they change nothing unset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from reward_client.files.yaml_file import read_yaml
from reward_client.rubric import Rubric
from reward_client.wording.reward_bounds import bounds_of
from reward_client.wording.rubric_fields import MAX_KNOTS

ANGLE: dict[str, Any] = {
    "prompt": "tilt?",
    "readout": {"type": "expectation", "labels": ["-9", "0", "9"]},
    "reward": {"type": "affine", "scale": -2.0, "offset": 1.0},
}
KNOTS = [(-9.0, -4.0), (0.0, 1.0), (9.0, 1.0)]


@pytest.mark.parametrize(
    ("knots", "words"),
    [
        ([[0, 1]], "at least 2 items"),
        ([[n, n] for n in range(MAX_KNOTS + 1)], "at most 64 items"),
        ([[0, 1], [0, 2]], "what is read must rise from knot to knot, and 0 follows 0"),
        ([[1, 1], [0, 2]], "what is read must rise from knot to knot, and 0 follows 1"),
        ([[0, 1], [1, 0.5]], "what is true must not fall from knot to knot, and 0.5 follows 1"),
        ([[0, 1], [1, float("inf")]], "finite number"),
        ([[float("nan"), 1], [1, 2]], "finite number"),
        ([[0, 1], [1, 2e12]], "less than or equal to 1000000000000"),
        ([[0, 1, 2], [1, 2, 3]], "at most 2 items"),
    ],
)
def test_wrong_knots_are_refused_by_field_and_limit(knots: Any, words: str) -> None:
    with pytest.raises(ValidationError, match=words) as caught:
        Rubric.model_validate({**ANGLE, "correction": knots})
    assert caught.value.errors()[0]["loc"][0] == "correction"


@pytest.mark.parametrize(
    ("readout", "reward"),
    [
        ({"type": "yes_no"}, {"type": "probability"}),
        ({"type": "choice", "labels": ["a", "b"]}, {"type": "weights", "weights": {"a": 0, "b": 1}}),
    ],
)
def test_a_readout_without_a_value_in_a_unit_takes_no_correction(
    readout: dict[str, Any], reward: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError, match=f"correction: the readout '{readout['type']}' has no value"):
        Rubric.model_validate({"prompt": "?", "readout": readout, "reward": reward, "correction": KNOTS})


@pytest.mark.parametrize("limit", [-0.1, 1.1, float("nan")])
def test_a_limit_on_entropy_is_a_share(limit: float) -> None:
    with pytest.raises(ValidationError, match="max_entropy"):
        Rubric.model_validate({**ANGLE, "readout": {**ANGLE["readout"], "max_entropy": limit}})


def test_a_text_has_no_entropy_to_limit() -> None:
    with pytest.raises(ValidationError, match="max_entropy"):
        Rubric.model_validate({**ANGLE, "readout": {"type": "number", "max_entropy": 0.5}})


def test_what_is_not_set_is_not_sent_so_that_reward_ids_and_older_clients_stay_as_they_were() -> None:
    sent = Rubric.model_validate(ANGLE).model_dump(mode="json")
    assert set(sent) == {"version", "prompt", "readout", "reward", "unit", "goal"}
    assert set(sent["readout"]) == {"type", "labels", "min_label_mass"}


def test_what_is_set_survives_the_wire() -> None:
    rubric = Rubric.model_validate(
        {**ANGLE, "readout": {**ANGLE["readout"], "max_entropy": 0.25}, "correction": KNOTS}
    )
    assert rubric.correction == KNOTS
    assert Rubric.model_validate_json(rubric.model_dump_json()) == rubric


def test_a_file_holds_knots(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "version: 2\nprompt: How far?\nreadout: {type: number}\nreward: {type: affine, scale: 1}\n"
        "correction:\n- [-9, -4.5]\n- [9, 1e1]\n"
    )
    assert Rubric.model_validate(read_yaml(path)).correction == [(-9.0, -4.5), (9.0, 10.0)]


@pytest.mark.parametrize("readout", [ANGLE["readout"], {"type": "number"}])
def test_a_correction_bounds_the_reward_by_its_ends(readout: dict[str, Any]) -> None:
    rubric = Rubric.model_validate({**ANGLE, "readout": readout, "correction": KNOTS})
    assert bounds_of(rubric) == (-1.0, 9.0)
