"""A number, a unit or a side of another quantity than the rubric's is never the value."""

from __future__ import annotations

import math

import pytest

from reward_server.reading.number_in_text import Grammar, read_number

GRAMMARS: list[Grammar] = ["plain", "signed_angle"]


@pytest.mark.parametrize("grammar", GRAMMARS)
@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("Rating: 7\nThe pole is tilted by about 3 degrees.", None, 7),
        ("Rating: 7. The pole leans slightly to the left.", None, 7),
        ("Progress: 0.8. The joint is at 45 degrees.", None, 0.8),
        ("4 cm away. The arm is rotated 30 degrees.", "cm", 4),
        ("7/10. The pole leans slightly to the left.", None, 7),
        ("7 out of 10. The joint is at 45 degrees to the left.", "of 10", 7),
        ("The rating is 7. The block is 4 cm to the left of the gripper.", None, 7),
        ("I would rate this 7 out of 10. It weighs 3 kg.", "of 10", 7),
        ("Score: 7\nThere are 2 cars.", None, 7),
        ("There are 2 cars. Rating: 7", None, 7),
        ("I am 90% sure the rating is 7.", None, 7),
        ("Rating: 7. I am 90% sure.", None, 7),
        ("Rating: 7 (confidence: 0.9)", None, 7),
        ("At 10:30 the rating is 7.", None, 7),
        ("On 2024-01-02 the rating is 7.", None, 7),
        ("On 7/14/2024 the score is 5.", "of 10", 5),
        ("On January 5, 2024, the score is 3.", None, 3),
        ("On a scale from 0 to 9, I rate it 7.", "of 9", 7),
        ("On a scale of 1 to 10, I would rate this 7.", None, 7),
        ("Camera 2: the rating is 7.", None, 7),
        ("12. The joint is at 45 degrees.", None, 12),
        ("7. The pole leans slightly to the left of the camera.", "of 10", 7),
        ("1. Rating: 7\n2. Tilt: 3 degrees", None, 7),
        ("By version 2.1 of the scale, the rating is 7.", None, 7),
    ],
)
def test_a_number_of_another_quantity_does_not_hide_the_value(
    text: str, unit: str | None, value: float, grammar: Grammar
) -> None:
    assert read_number(text, unit, grammar=grammar).value == value


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("The arm is rotated 30 degrees. It is 4 cm away.", "cm", 4),
        ("4 cm away and rotated 30 degrees", "cm", 4),
        ("It weighs 3 kg and is 4 cm away.", "cm", 4),
        ("I am 90% sure it is 4 cm away.", "cm", 4),
        ("I am 90% sure that the progress is 40%.", "%", 40),
        ("Progress: 40%. Confidence: 95%", "%", 40),
        ("There are 2 blocks. The distance is 4.", "cm", 4),
        ("The joint is at 45 degrees. The block is 4 cm away.", "deg", 45),
        ("The block is 5 cm away. Angle: 12", "deg", 12),
        ("Angle: 12\nIt is tilted 12 degrees.", "deg", 12),
        ("Rating: 7. The pole is tilted by 3 degrees.", "deg", 3),
        ("I am 90% sure the angle is 12 degrees.", "deg", 12),
        ("The arm is about 4 away from the block.", "cm", 4),
        ("There are 2 cars. Rating: 7", "cars", 2),
        ("7 points. The joint is at 45 degrees.", "points", 7),
        ("The joint is at 45 degrees. 7 points", "points", 7),
        ("0.7. The joint is at 45 degrees.", "probability", 0.7),
    ],
)
def test_a_rubrics_unit_says_which_number_is_meant(text: str, unit: str, value: float) -> None:
    assert read_number(text, unit).value == value


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("50%", "%", 50),
        ("50 percent", "%", 50),
        ("50 per cent", "percent", 50),
        ("50%", "percent", 50),
        ("4cm", "cm", 4),
        ("4 centimeters", "cm", 4),
        ("4 cm", "centimetres", 4),
        ("40 mm", "cm", 4),
        ("0.04 m", "cm", 4),
        ("0.04 m", "mm", 40),
        ("2 inches", "cm", 5.08),
        ("2 in", "in", 2),
        ("2 inches", "in", 2),
        ("500 g", "kg", 0.5),
        ("It weighs 3kg.", "kg", 3),
        ("1.5 minutes", "s", 90),
        ("90 sec", "min", 1.5),
        ("0.5 radians", "degrees", math.degrees(0.5)),
        ("90\N{DEGREE SIGN}", "radians", math.pi / 2),
        ("90 degrees", "\N{DEGREE SIGN}", 90),
        ("20 \N{DEGREE SIGN}C", "\N{DEGREE SIGN}C", 20),
        ("20 degrees Celsius", "\N{DEGREE SIGN}C", 20),
        ("20 degrees Celsius", "celsius", 20),
        ("20px", "px", 20),
        ("20 pixels to the left", "px", 20),
        ("0.8 m/s", "m/s", 0.8),
        ("0.8 meters per second", "m/s", 0.8),
        ("80 cm/s", "m/s", 0.8),
        ("10 degrees per second", "deg/s", 10),
        ("3 N", "N", 3),
        ("7 Points", "points", 7),
        ("1 point", "points", 1),
        ("7/10", "/10", 7),
        ("7 out of 10", "out of 10", 7),
        ("I rate it 7 out of 10.", "of 10", 7),
        ("1/2", "of 2", 1),
        ("7 of 9", "of 9", 7),
        ("7 (out of 10)", "of 10", 7),
        ("Rating (0-10): 7", "of 10", 7),
        ("4 in the end", "cm", 4),
    ],
)
def test_another_spelling_of_the_rubrics_unit_is_read_and_another_size_converted(
    text: str, unit: str, value: float
) -> None:
    assert read_number(text, unit).value == pytest.approx(value)


@pytest.mark.parametrize("grammar", GRAMMARS)
@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("30 degrees", "cm"),
        ("The arm is rotated 30 degrees.", "cm"),
        ("I am 90% sure the drawer is closed.", "%"),
        ("Confidence: 90%", "cm"),
        ("30 degrees", "%"),
        ("30 degrees", "probability"),
        ("4 kg", "cm"),
        ("4 seconds", "cm"),
        ("4 square cm", "cm"),
        ("4 cm\N{SUPERSCRIPT TWO}", "cm"),
        ("4 cm2", "cm"),
        ("4 cm^2", "cm"),
        ("4 furlongs", "cm"),
        ("I see 4 towers.", "cm"),
        ("4 Towers", "cm"),
        ("4 Newtons", "cm"),
        ("4 M", "cm"),
        ("4 in", "cm"),
        ("4 in long", "cm"),
        ("4\N{EURO SIGN}", "cm"),
        ("There are 4 in the picture.", "cm"),
        ("On a scale from 0 to 10: 4", "cm"),
        ("4 cm or less", "cm"),
        ("12", "of 9"),
        ("seven of 9", "of 9"),
        ("seven out of 10", None),
        ("The rating is seven. There are 2 cars.", None),
        ("50/50", None),
        ("9/11", None),
        ("7 o'clock", None),
        ("7 pm", None),
        ("There are 4 blocks.", "cm"),
        ("The gripper has 2 fingers.", "%"),
        ("Block 4 is near.", "cm"),
        ("A 4-finger gripper.", "cm"),
        ("$4", "cm"),
        ("4 dollars", "cm"),
        ('It is 4" long.', "cm"),
        ("0.8 m/s", "m"),
        ("0.8 m", "m/s"),
        ("0.8 meters per second", "m"),
        ("8 km/h", "km"),
        ("3/4 cm", "cm"),
        ("45 degrees", "\N{DEGREE SIGN}C"),
        ("70 degrees Fahrenheit", "\N{DEGREE SIGN}C"),
        ("70\N{DEGREE SIGN}F", "\N{DEGREE SIGN}C"),
        ("20\N{DEGREE SIGN}C", "deg"),
        ("20 degrees Celsius", "deg"),
        ("20 degrees C", "deg"),
        ("The arm has 6 degrees of freedom.", "deg"),
        ("The arm has 6 degrees of freedom.", "cm"),
        ("70%", "of 10"),
        ("70 percent", "of 10"),
        ("70 percent", None),
        ("70%", None),
        ("70%", "probability"),
        ("70%", "cm"),
        ("70 per cent", "cm"),
        ("70% 70%", None),
        ("$5", "deg"),
        ("7 out of 5", "of 10"),
        ("7/100", "of 10"),
        ("80 out of 100", "of 10"),
        ("12/10", None),
        ("12 out of 10", "of 10"),
        ("3/4", None),
        ("1/2 of the way", None),
        ("7/14/2024", None),
        ("7/14/2024", "of 14"),
        ("2024-01-02", None),
        ("January 5: the door is closed.", None),
        ("1. The pole leans.", None),
        ("1. The pole leans.\n2. The cart is far.", None),
        ("1. The joint is at 45 degrees.", "cm"),
        ("8. The joint is at 45 degrees. No, 9.", "%"),
        ("On a scale from 0 to 10, I rate it 7.", "probability"),
        ("On a scale from 0 to 10, I rate it 7.", "%"),
        ("On a scale from 0 to 10, I rate it 12.", None),
        ("7 out of 10", "probability"),
        ("7/10", "%"),
        ("It is 10:30.", None),
        ("The ratio is 7:10.", None),
        ("10:7", None),
        ("Version 2.1", None),
        ("Camera 2", None),
        ("GPT-4", None),
        ("On a scale from 0 to 10.", None),
        ("On a scale from 0 to 10, I rate it 7.", "of 9"),
        ("The pole is tilted by 3 degrees. Rating: 7", None),
        ("Rating: 7. No, 8.", None),
        ("Rating: 7, tilt 3 degrees", None),
        ("Between 4 cm and 5 cm", "cm"),
        ("4 to 5 cm", "cm"),
        ("4 cm or 5 cm", "cm"),
        ("4cm-5cm", "cm"),
        ("4 cm. No, 5 cm.", "cm"),
        ("Distance: 4. The cube is 10 cm wide.", "cm"),
        ("Answer: 12\nThe joint is at 45 degrees.", "deg"),
        ("Angle: 12. The joint is at 45 degrees.", "deg"),
        ("50. The joint is at 45 degrees.", "deg"),
        ("10% to 20%", "%"),
        ("4\N{PLUS-MINUS SIGN}1 cm", "cm"),
        ("less than 4 cm", "cm"),
        ("not 4 cm", "cm"),
        ("1 hour 20 minutes", "min"),
        ("5 feet 3 inches", "cm"),
        ("3,5 cm", "cm"),
        ("1,20", None),
        ("1'200", None),
        ("2\N{VULGAR FRACTION ONE HALF} cm", "cm"),
    ],
)
def test_a_number_of_another_quantity_is_not_the_value(text: str, unit: str | None, grammar: Grammar) -> None:
    reading = read_number(text, unit, grammar=grammar)
    assert reading.value is None
    assert reading.reason


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("Rating: 7\nThe pole leans to the left.", None, 7),
        ("The score is 7. The mast is tilted to the right.", None, 7),
        ("4 cm away. The arm leans to the left.", "cm", 4),
        ("4. It is leaning left.", "cm", 4),
        ("It is 4 away. It leans left.", "cm", 4),
        ("7 out of 10. It tilts left.", "of 10", 7),
        ("Rating: 8", "deg", 8),
        ("Rating: 8. The pole leans to the left.", "deg", None),
        ("12 degrees. The pole leans to the left.", None, -12),
        ("The angle is 12. The pole leans to the left.", None, -12),
        ("Left.\n12", None, -12),
        ("12. The pole leans to the left.", "deg", -12),
        ("5 cm", None, None),
        ("The block is 4 cm to the left. The pole is tilted 10 degrees to the right.", None, 10),
    ],
)
def test_a_side_is_that_of_an_angle_and_of_nothing_else(
    text: str, unit: str | None, value: float | None
) -> None:
    assert read_number(text, unit, grammar="signed_angle").value == value


@pytest.mark.parametrize(
    ("text", "unit", "words"),
    [
        ("30 degrees", "cm", "in 'degrees', not in 'cm'"),
        ("70%", None, "percentage"),
        ("7 out of 5", "of 10", "scale"),
        ("The gripper has 4 fingers.", "cm", "'fingers'"),
        ("There are 4 blocks.", "cm", "count"),
        ("The pole is tilted by 3 degrees. Rating: 7", None, "more than one number"),
    ],
)
def test_a_reason_names_what_the_number_is(text: str, unit: str | None, words: str) -> None:
    assert words in read_number(text, unit).reason


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("30 degrees", 30),
        ("The door is open by 30 degrees.", 30),
        ("4 cm", 4),
        ("4cm", 4),
        ("The block is 20 cm from the ground.", 20),
        ("There are 2 cars.", 2),
        ("1,200", 1200),
        ("The drawer is 7 out of 10 closed.", 7),
        ("4/5", 4),
        ("3/4", None),
        ("The drawer is 7/10 open.", None),
        ("Doors: 1. The joint is at 45 degrees.", None),
        ("There is 1 door. It is open by 45 degrees.", None),
        ("7/10", 7),
        ("9/10", 9),
        ("3 stars", 3),
        ("1. The joint is at 45 degrees.", None),
        ("1. The drawer is 7 out of 10 closed.", 7),
        ("3) The drawer is closed.", 3),
    ],
)
def test_without_a_unit_any_lone_number_counts(text: str, value: float | None) -> None:
    assert read_number(text).value == value
