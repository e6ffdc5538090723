"""The grammar of plain numbers, and the words that a rubric brings to the grammar of signed angles."""

from __future__ import annotations

import math

import pytest

from reward_client.rubric import NumberReadout
from reward_server.reading.number_in_text import Words, read_number

SAILING = Words(leaning=("mast",), things=("boat",))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("The mast is tilted 10 degrees to the left.", -10),
        ("The mast's tilt is 5.", 5),
        ("The angle of the mast is 5.", 5),
        ("The boat is to the left, the mast at 10 degrees to the right.", 10),
        ("The boat is to the left, the mast at 10 degrees.", None),
        ("The mast is at 85 degrees to the boat.", None),
        ("The boat is at 5.", None),
    ],
)
def test_a_rubric_says_what_leans_and_what_else_is_there(text: str, value: float | None) -> None:
    assert read_number(text, "deg", grammar="signed_angle", words=SAILING).value == value


def test_words_go_with_signed_angles_alone() -> None:
    assert NumberReadout(type="number").grammar == "plain"
    with pytest.raises(ValueError, match="signed_angle"):
        NumberReadout(type="number", leaning=["mast"])
    with pytest.raises(ValueError, match="pattern"):
        NumberReadout(type="number", grammar="signed_angle", things=["(a+)+"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("The left drawer is 7 out of 10 closed.", 7),
        ("Left: 7", 7),
        ("Right: 7", 7),
        ("7 left", 7),
        ("The arm is to the left and to the right of 7 blocks.", 7),
        ("-7", -7),
        ("minus 7", -7),
        ("-7 to the right", -7),
        ("+7 to the left", 7),
        ("7/10", 7),
    ],
)
def test_a_plain_number_has_no_sign_but_its_own(text: str, value: float) -> None:
    assert read_number(text).value == value
    assert read_number(text, "of 10", grammar="plain").value == value


def test_a_number_with_a_unit_is_no_rating() -> None:
    text = "The block stands upright, 90 cm from the ground."
    assert read_number(text).value == 90
    assert read_number(text, "of 10").value is None
    assert (
        read_number("The pole is tilted 3 degrees.", "of 10").reason
        == "the number is in 'degrees', not 'of 10'"
    )


@pytest.mark.parametrize(
    "text",
    [
        "between 3 and 5",
        "7 or 8",
        "7-8",
        "Not 7.",
        "7? No, 8.",
        "at least 7",
        "7 ± 1",
        "a negative value of 7",
        "The door is open by 30 degrees. Rating: 7.",
        "The drawer is closed.",
        "",
    ],
)
def test_what_could_mean_another_plain_number_is_not_read(text: str) -> None:
    reading = read_number(text)
    assert reading.value is None
    assert reading.reason


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("The door is open by 30 degrees to the left.", "deg", 30),
        ("The block stands upright at 90 degrees to the ground.", "deg", 90),
        ("pi radians is 3.14 radians", "deg", math.degrees(3.14)),
        ("180 degrees", "rad", math.pi),
        ("30", "deg", 30),
        ("There is 1 door.", "deg", None),
        ("The door on the left is 1 of them.", "deg", None),
        ("ten degrees, or 30 degrees", "deg", None),
    ],
)
def test_a_plain_angle_is_converted_and_needs_its_unit_in_prose(
    text: str, unit: str, value: float | None
) -> None:
    assert read_number(text, unit).value == (None if value is None else pytest.approx(value))


def test_a_plain_number_that_was_cut_off_is_not_read() -> None:
    assert read_number("The drawer is 7", truncated=True).value is None
    assert read_number("It is 7. The left", truncated=True).value == 7
