"""The grammar of signed angles: what a sentence states is read, with its side; what is not stated is not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reward_server.reading.number_in_text import Grammar, NumberReading, Words, read_number

WORDS_OF_CARTPOLE = Words(leaning=("pole", "stick"), things=("cart",))


def read_angle(text: str, unit: str | None = None, *, truncated: bool = False) -> NumberReading:
    return read_number(text, unit, grammar="signed_angle", words=WORDS_OF_CARTPOLE, truncated=truncated)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("45", 45),
        ("-12", -12),
        ("\N{MINUS SIGN}12.5", -12.5),
        ("+3", 3),
        ("minus 7 degrees", -7),
        ("negative 3.5", -3.5),
        ("5°", 5),
        ("-5°", -5),
        ("45degrees", 45),
        ("The pole is tilted at a 45-degree angle to the left.", -45),
        ("The pole is tilted at a 30 degree angle to the right.", 30),
        ("The pole is leaning left at about 12.5 degrees.", -12.5),
        ("The pole is leaning slightly to the right, at an angle of 5 degrees.", 5),
        ("10 degrees left", -10),
        ("Left, 10", -10),
        ("Left 10 degrees", -10),
        ("right: 12", 12),
        ("12 right", 12),
        ("The tilt angle of the pole is 45 degrees.", 45),
        ("The cart is on the left side of the frame; the pole is tilted 10 degrees to the right.", 10),
        ("The cart is to the left of the centre and the pole leans 10 degrees to the right.", 10),
        ("The pole is 10 degrees left of vertical.", -10),
        ("It is tilted 8 degrees clockwise.", 8),
        ("8 degrees counterclockwise", -8),
        ("8 degrees counter-clockwise", -8),
        ("The left-leaning pole makes 20 degrees.", -20),
        ("0 degrees, neither to the left nor to the right", 0),
        ("In image 1 the pole is tilted 30 degrees to the left.", -30),
        ("1. The pole is tilted 30 degrees.", 30),
        ("1,200", 1200),
        ("1e1", 10),
        (".5", 0.5),
        ("5 degrees from the vertical", 5),
        ("-5 degrees to the left", -5),
        ("The pole is right in the middle at 3 degrees", 3),
        ("3 degrees. The cart is to the left.", 3),
        ("Rating: 8", 8),
        ("**7**", 7),
        ("Answer: -3.", -3),
        ("-3.", -3),
        ("(-3)", -3),
        ("angle=-4", -4),
        ("angle = -4.0 deg", -4),
        ("The pole is tilted to the left by 15 degrees", -15),
        ("The pole is tilted towards the left side of the image at approximately 20 degrees.", -20),
        ("Left is negative: 12 degrees", 12),
        ("The pole is leaning to the left. The angle is 10 degrees.", -10),
        ("Angle: 10\nDirection: left", -10),
        ("Left.\n12", -12),
        ("Right.\n12", 12),
        ("The pole leans left. 5 degrees right.", 5),
    ],
)
def test_a_stated_number_is_read_with_its_sign(text: str, value: float) -> None:
    assert read_angle(text, "deg").value == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    [
        "1. The pole is tilted.",
        "CartPole-v1",
        "A 2D image",
        "",
        "no idea",
        "The pole is upright.",
        "It is 10-15 degrees",
        "between 10 and 15 degrees",
        "10 to 15 degrees to the left",
        "10 or 15",
        "12,5 degrees",
        "1e999",
        "The pole stands at a 90-degree angle to the ground.",
        "85 degrees from the horizontal",
        "+5 degrees to the left",
        "-5 degrees to the right",
        "The pole is 5 degrees, leaning to the left and to the right",
        "The pole is tilted 5 degrees, not to the left",
        "The pole is at a right angle",
        "The pole does not lean to the left. It is tilted 4 degrees.",
        "1.5.2",
        "--5",
    ],
)
def test_what_states_no_one_number_has_no_value_and_a_reason(text: str) -> None:
    reading = read_angle(text, "deg")
    assert reading.value is None
    assert reading.reason


@pytest.mark.parametrize(
    "text",
    [
        "If vertical is 0 degrees, then the pole is tilted 12 degrees to the left.",
        "0 degrees would be upright; the pole is at 12 degrees.",
        "From 0 degrees (vertical), the pole tilts 12 degrees.",
        "The cart has a 0 degree tilt and the pole a 12 degree tilt to the left.",
        "Since 90 degrees would be horizontal, the pole is at 12 degrees.",
        "12 degrees? No, it is 15 degrees.",
        "I estimate it's 12, maybe 15 degrees.",
        "The pole is tilted 5 degrees forward and 10 degrees to the left.",
        "angular velocity 3 rad/s, angle 5 degrees",
        "The pole is standing upright at a 90-degree angle.",
        "The pole is straight up, at a 90 degree angle.",
        "The pole is upright at 90°.",
        "The pole is at a right angle, 90 degrees.",
        "The pole is perpendicular to the cart, at a 90 degree angle.",
        "The angle between the pole and the ground is approximately 85 degrees.",
        "The angle with the ground is 78 degrees.",
        "Relative to the horizontal, the pole is at 78 degrees.",
        "The pole is at 78 degrees measured from the x-axis.",
        "The pole is not tilted by 45 degrees.",
        "It's not 45 degrees.",
        "The pole does not appear to be tilted 45 degrees.",
        "It is not 12 degrees but 15 degrees.",
        "Not 10.",
        "less than 5 degrees",
        "<5",
        "more than 45 degrees to the right",
        "within 5 degrees of being upright, leaning left",
        "1/2 degree",
        "10 1/2 degrees",
        "3/4 of a right angle",
        "pi/4 radians",
        "-pi/6 rad",
        "0.25 pi radians",
        "45 ± 5 degrees",
        "45+/-5 degrees",
        "±5",
        "10^2 degrees",
        "5*10 degrees",
        "5 x 10^1 degrees",
        "10½ degrees",
        "10 and a half",
        "half of 10 degrees",
        "10 15",
        "1 200",
        "10:30",
        "— 5 degrees",
        "a negative angle of 10 degrees",
        "The angle is negative: 10 degrees.",
        "10 degrees in the negative direction",
        "- 12 degrees",
        "Left (negative) 10",
        "The image shows 1 pole leaning to the left.",
        "There is 1 pole.",
        "The pole is tilted by eight degrees. There are 2 images.",
        "about ten degrees, and the image has 1 cart",
        "I'm sorry, as of 2021 I can't tell.",
        "at 11 o'clock",
        "45 % to the left",
        "50%",
        "The cart is 5 cm to the left.",
        "10 pixels to the left",
        "100 grad left",
        "15 arcminutes",
        "rotating at 10 degrees per second",
        "0.2 rad/s",
        "7/10",
        "10 through 15 degrees",
        "10 up to 15 degrees",
        "around 10 to around 15 degrees",
        "10 degrees to about 15 degrees",
        "from 10 degrees up to 15 degrees",
        "10—15 degrees",
        "10…15",
        "10 (or 15) degrees",
        "10 or maybe 15 degrees",
        "30 degrees to the left, which is 60 degrees from the horizontal.",
        "v2 is at 7 degrees",
        "The cart is moving to the left and the pole is tilted 10 degrees.",
        "The cart is to the left and the pole is tilted 10 degrees.",
        "The pole is tilted 20 degrees, and the cart is positioned to the left.",
        "The pole leans opposite to the left at 10 degrees.",
    ],
)
def test_what_could_mean_another_value_is_not_read(text: str) -> None:
    assert read_angle(text, "deg").value is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("tilted 10 degrees in the left direction", -10),
        ("tilted 10 degrees on the left side", -10),
        ("The pole is slightly left of vertical, about 10 degrees.", -10),
        ("left of vertical by 10 degrees", -10),
        ("tilted 10 degrees left of center", -10),
        ("The top of the pole is to the left of the base by 10 degrees.", -10),
        ("with its top at the left side, by about 5 degrees", -5),
        ("A left lean of 10 degrees.", -10),
        ("(left) 8 degrees", -8),
        ("8° L", -8),
        ("10-degree-left", -10),
        ("10 degrees toward the upper left corner", -10),
        ("10 degrees to the left edge", -10),
        ("Direction of tilt: left, 10 degrees", -10),
        ("to the viewer's left by 10 degrees", -10),
        ("12° 30' left", -12.5),
        ("The cart, positioned to the left, holds a pole tilted 20 degrees.", 20),
        ("‒20", -20),
        ("－20", -20),
        ("⁻20", -20),
        ("minus  10 degrees", -10),
        ("negative, 10", -10),
        ("12 degrees from the vertical line", 12),
        ("Step 3: the angle is 12.", 12),
        ("#5: 12", 12),
        ("Figure 2: 12", 12),
        ("(1) 12", 12),
        ("5 px left", None),
        ("The pole is tilted approximately 15 degrees to the left of vertical.", -15),
        ("The pole is leaning to the right at a 20-degree angle.", 20),
        ("The angle of the pole is 30 degrees.", 30),
        ("It is tilted 45 degrees to the left.", -45),
    ],
)
def test_a_hard_statement_is_read_right_or_not_at_all(text: str, value: float | None) -> None:
    assert read_angle(text, "deg").value in {None, value}


@pytest.mark.parametrize(
    ("text", "value"), [("7/10", 7), ("7 out of 10", 7), ("8.5/10", 8.5), ("I rate it 7.", 7)]
)
def test_a_rating_may_name_its_scale(text: str, value: float) -> None:
    assert read_angle(text, "of 10").value == value


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("0.5 radians to the left", "deg", -math.degrees(0.5)),
        ("90 degrees", "rad", math.pi / 2),
        ("90 degrees", "deg", 90.0),
        ("2 rad", "rad", 2.0),
        ("2 rad", None, 2.0),
        ("90", "rad", 90.0),
    ],
)
def test_an_angle_in_the_other_unit_is_converted(text: str, unit: str | None, value: float) -> None:
    assert read_angle(text, unit).value == pytest.approx(value)


@pytest.mark.parametrize("text", ["The angle is 4", "4 degrees to the le", "4", "It leans left. About 3"])
def test_a_sentence_that_was_cut_off_is_not_read(text: str) -> None:
    assert read_angle(text, "deg", truncated=True).value is None
    assert read_angle(text, "deg").value is not None


@pytest.mark.parametrize(("unit", "small"), [("deg", 5.0), ("rad", 0.0873)])
def test_upright_is_judged_in_the_rubrics_unit(unit: str, small: float) -> None:
    assert read_angle("The pole stands upright at 90 degrees.", unit).value is None
    assert read_angle("It is nearly upright, tilted 5 degrees.", unit).value == pytest.approx(small, abs=1e-3)


def test_a_sign_may_stand_before_a_line_break() -> None:
    assert read_angle("minus\n12 degrees", "deg").value in {None, -12.0}


def test_what_follows_a_whole_sentence_may_be_cut_off() -> None:
    assert read_angle("It leans 4 degrees to the left. The cart", truncated=True).value == -4.0


TEMPLATES = [
    ("{}", 1),
    ("{} degrees", 1),
    ("The angle is {}.", 1),
    ("It is tilted {}° to the left.", -1),
    ("The pole leans to the right by {} degrees.", 1),
    ("{} degrees left", -1),
    ("Leaning left at {} degrees", -1),
]


@given(st.decimals(0, 10_000, places=2), st.sampled_from(TEMPLATES))
def test_every_decimal_is_read_back(number: object, template: tuple[str, int]) -> None:
    text, sign = template
    assert read_angle(text.format(number), "deg").value == sign * float(str(number))


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15))
def test_every_signed_number_is_read_back(number: float) -> None:
    assert read_angle(repr(number)).value == number


@given(
    st.floats(0.5, 90),
    st.sampled_from(["left", "right"]),
    st.sampled_from([t for t, s in TEMPLATES if s < 0]),
)
def test_the_other_side_has_the_other_sign(number: float, side: str, template: str) -> None:
    text = template.replace("left", side).replace("Left", side.title()).format(f"{number:.2f}")
    other = {"left": "right", "right": "left"}[side]
    mirrored = text.replace(side, other).replace(side.title(), other.title())
    value, mirror = read_angle(text).value, read_angle(mirrored).value
    assert value is not None
    assert mirror == -value


VOCABULARY = """the pole;left;right;to the;leaning;tilted;-;12;3.5;degrees;°;.;,;
;not;or;and;1e999;minus;of;vertical;ground;-7;10-15;½;٣;+"""
GRAMMARS: list[Grammar] = ["plain", "signed_angle"]
WORDS = st.lists(st.sampled_from(VOCABULARY.split(";")))


@given(
    st.text() | WORDS.map(" ".join),
    st.sampled_from([None, "deg", "rad", "m"]),
    st.sampled_from(GRAMMARS),
    st.booleans(),
)
def test_any_text_gives_a_finite_number_or_a_reason(
    text: str, unit: str | None, grammar: Grammar, truncated: bool
) -> None:
    reading = read_number(text, unit, grammar=grammar, truncated=truncated)
    if reading.value is None:
        assert reading.reason
    else:
        assert math.isfinite(reading.value)
        assert any(character in "0123456789" for character in text)
