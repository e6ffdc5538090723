"""Rubric files: the shipped ones load; a wrong one is refused by file and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from reward_client.rubric import NumberReadout
from reward_server.rubrics.loading import RubricFileError, load_rubrics
from tiny_llava.language.questions import ANSWERS
from tiny_llava.report.asking import QUESTIONS

SHIPPED = {
    "cartpole-angle": "angle",
    "cartpole-upright": "upright",
    "cartpole-lean": "lean",
    "cartpole-rating": "rating",
    "mountaincar-distance": "car_position",
    "mountaincar-height": "car_height",
    "pendulum-angle": "pendulum",
}


def test_the_shipped_rubrics_ask_what_the_accuracy_report_measures() -> None:
    rubrics = load_rubrics()
    assert set(rubrics) == {*SHIPPED, "cartpole-degrees-text", "image-matches-text"}
    for name, topic in SHIPPED.items():
        assert rubrics[name].prompt == QUESTIONS[topic]  # type: ignore[index]
        assert tuple(rubrics[name].readout.labels) == ANSWERS[topic]  # type: ignore[index]


def test_only_the_angle_in_text_has_sides() -> None:
    readouts = {name: rubric.readout for name, rubric in load_rubrics().items()}
    numbers = {name: readout for name, readout in readouts.items() if isinstance(readout, NumberReadout)}
    assert {name: readout.grammar for name, readout in numbers.items()} == {
        "cartpole-degrees-text": "signed_angle"
    }
    assert NumberReadout(type="number").grammar == "plain"


def test_rubrics_of_ones_own_are_added_and_take_precedence(tmp_path: Path) -> None:
    content = "version: 3\nprompt: hello\nreadout: {type: yes_no}\nreward: {type: probability}"
    (tmp_path / "mine.yaml").write_text(content)
    (tmp_path / "cartpole-lean.yaml").write_text(content)
    (tmp_path / "notes.txt").write_text("not a rubric")
    rubrics = load_rubrics(tmp_path)
    assert set(rubrics) == set(load_rubrics()) | {"mine"}
    assert rubrics["cartpole-lean"].prompt == "hello"
    assert rubrics["mine"].version == 3


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RubricFileError, match="no such folder"):
        load_rubrics(tmp_path / "nowhere")


def test_a_name_that_no_address_can_have_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a b.yaml").write_text("prompt: x")
    with pytest.raises(RubricFileError, match="name"):
        load_rubrics(tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("prompt: [", "line 1: not valid YAML"),
        ("version: 1\nprompt: x\nprompt: y", "line 3: the key 'prompt' stands in line 2 already"),
        ("version: 1\n---\nversion: 1", "line 2: a second document"),
        ("version: yes\nprompt: x\nreadout: {type: yes_no}\nreward: {type: probability}", "version"),
        ("version: 1\n\tprompt: x", "line 2: a tab"),
        ("x: " + "[" * 3000, "line 1: nested deeper"),
        ("", "holds nothing"),
        ("version: 1\nprompt: hello", "readout"),
        ("prompt: hello", "version"),
        ('version: 1\nprompt: "nul \\0"', "prompt"),
        ("just text", "Rubric"),
        (
            "version: 1\nprompt: x\nreadout: {type: number}\nreward: {type: affine, scale: .nan}",
            "scale",
        ),
    ],
)
def test_a_wrong_file_is_refused_by_name_and_field(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "mine.yaml").write_text(content)
    with pytest.raises(RubricFileError, match=reason) as caught:
        load_rubrics(tmp_path)
    assert "mine.yaml" in str(caught.value)


def test_bare_words_are_labels_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "version: 1\nprompt: x\nreadout: {type: yes_no, yes: yes, no: no}\nreward: {type: probability}"
    )
    (tmp_path / "digits.yaml").write_text(
        "version: 1\nprompt: x\nreadout: {type: choice, labels: [0, 1, on, null]}\n"
        "reward: {type: weights, weights: {0: 0, 1: .5, on: 1, null: -1}}"
    )
    rubrics = load_rubrics(tmp_path)
    assert rubrics["mine"].readout.labels == ["yes", "no"]
    assert rubrics["digits"].readout.labels == ["0", "1", "on", "null"]


def test_a_rubric_says_the_same_however_its_file_was_saved(tmp_path: Path) -> None:
    content = "version: 1\nprompt: Tr\u00e8s bien?\nreadout: {type: yes_no}\nreward: {type: probability}\n"
    saved = {"plain": content, "marked": "\ufeff" + content, "windows": content.replace("\n", "\r\n")}
    for name, text in saved.items():
        (tmp_path / f"{name}.yaml").write_bytes(text.encode())
    rubrics = load_rubrics(tmp_path)
    assert rubrics["plain"] == rubrics["marked"] == rubrics["windows"]
    for encoding, words in (("utf-16", "UTF-16"), ("latin-1", "line 2: not UTF-8")):
        (tmp_path / "other.yaml").write_bytes(content.encode(encoding))
        with pytest.raises(RubricFileError, match=rf"other\.yaml: .*{words}"):
            load_rubrics(tmp_path)
