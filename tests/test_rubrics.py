"""Rubric files: the shipped ones load; a wrong one is refused by file and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from reward_server.rubrics import RubricFileError, load_rubrics
from tiny_llava.accuracy import QUESTIONS
from tiny_llava.questions import ANSWERS


def test_the_shipped_rubrics_ask_what_the_accuracy_report_measures() -> None:
    rubrics = load_rubrics()
    assert set(rubrics) == {"cartpole-angle", "cartpole-upright"}
    assert rubrics["cartpole-angle"].prompt == QUESTIONS["angle"]
    assert tuple(rubrics["cartpole-angle"].readout.labels) == ANSWERS["angle"]
    assert rubrics["cartpole-upright"].prompt == QUESTIONS["upright"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("prompt: [", "not valid YAML"),
        ("prompt: hello", "readout"),
        ("just text", "Rubric"),
        (
            "prompt: x\nreadout: {type: yes_no}\nreward: {type: distance, target: 0, tolerance: 0}",
            "tolerance",
        ),
    ],
)
def test_a_wrong_file_is_refused_by_name_and_field(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "mine.yaml").write_text(content)
    with pytest.raises(RubricFileError, match=reason) as caught:
        load_rubrics(tmp_path)
    assert "mine.yaml" in str(caught.value)
