"""Reads the one number that an answer states: two explicit grammars. Pure functions.

    statement = [sign] digits [scale] [unit]
    sign      = a dash or "+" right before the digits | "minus" | "negative" | "plus" | "positive"
    scale     = "out of 10" or "/10", where the rubric has no unit that could be measured
    unit      = the rubric's, by any of its names, or another size of it; or none

That is ``plain``: left and right are words as any other. In ``signed_angle``, a statement also has a side,
in the number's sentence or in one about the tilt, and left is negative:

    side      = "to the left", "leaning left", "left-leaning", "12 degrees left", "Left, 12", …;
                clockwise is right

A wrong number is far worse than none, so whatever could mean another value has no value and a reason: two
values, a number of something else, a range, a bound, arithmetic, a negation, and, where the rubric's unit is
an angle's, a number without a unit in the middle of prose. In ``signed_angle`` also: a side that is not
understood or may not be that of what leans, a sign against the side, an angle to the ground.

Which number is meant is in ``quantities_in_text.py``, what makes it unclear in ``unclear_numbers.py``, sides
in ``side_in_text.py``. Not for asking the model or for rewards.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from reward_server.reading.asides_in_text import without_asides
from reward_server.reading.quantities_in_text import (
    SIGN_WORD,
    Quantity,
    UnclearError,
    choose,
    find_quantities,
    is_rated,
    is_stated,
    sentence_bounds,
)
from reward_server.reading.side_in_text import LEANS, NEGATED, SENTENCE_END, SideError, side_of
from reward_server.reading.unclear_numbers import (
    check_angle,
    check_expression,
    check_other_quantity,
    check_vertical,
)
from reward_server.reading.units import ANGLE, Wanted, wanted_by

Grammar = Literal["plain", "signed_angle"]

_ECHO = re.compile(  # of a question that says which side is negative
    r"\(?\b(?:left|right)\s+(?:is|being|means|=)\s+(?:negative|positive)\b\)?|"
    r"\(?\b(?:negative|positive)\s+(?:is|being|means|=|for)\s+(?:the\s+)?(?:left|right)\b\)?",
    re.IGNORECASE,
)
_LEANING = re.compile(rf"\b{LEANS}\b", re.IGNORECASE)
_NO_TILT = re.compile(rf"\b(?:neither|no\s+(?:tilt|lean|angle)|(?:not|n't)\s+(?:{LEANS}))", re.IGNORECASE)


@dataclass(frozen=True)
class NumberReading:
    """What a text states.

    Attributes:
        value: the number, finite; None where the text states none.
        reason: why there is no value; empty where there is one.
    """

    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class Words:
    """What the grammar of signed angles knows of a picture; a rubric says it.

    Attributes:
        leaning: names of what leans, such as ``mast``.
        things: names of other things there, such as ``boat``: their sides are places, and an angle to them
            is not one from the vertical.
    """

    leaning: tuple[str, ...] = ()
    things: tuple[str, ...] = ()


NO_WORDS = Words()


def read_number(
    text: str,
    unit: str | None = None,
    *,
    grammar: Grammar = "plain",
    words: Words = NO_WORDS,
    truncated: bool = False,
) -> NumberReading:
    """Reads the number that a text states.

    Args:
        text: what the model generated.
        unit: the rubric's unit, by any of its names. A number in another size of it is converted, one in
            a unit of something else never counts. Of an angle, a number without a unit counts only where it
            is all that the answer says.
        grammar: ``plain`` for numbers with their own sign, ``signed_angle`` for the angle of something that
            leans, where left is negative.
        words: names of what leans and of what else is there.
        truncated: whether the text was cut off at a limit, so that the number's sentence may lack its end.

    Returns:
        The value with its sign, or the reason why there is none.
    """
    try:
        return NumberReading(_read(text, unit, grammar, words, truncated))
    except (UnclearError, SideError) as unclear:
        return NumberReading(None, str(unclear))


def _read(text: str, unit: str | None, grammar: Grammar, words: Words, truncated: bool) -> float:
    wanted, has_sides = wanted_by(unit), grammar == "signed_angle"
    answer = without_asides(text, wanted)
    text = _ECHO.sub(" ", answer.text) if has_sides else answer.text
    numbers = find_quantities(text, wanted)
    if not numbers:
        raise UnclearError("the answer states no number")
    number, rivals = choose(text, numbers, wanted, has_sides=has_sides)
    bounds = sentence_bounds(text, number)
    sentence, others = text[slice(*bounds)], text[: bounds[0]] + "\n" + text[bounds[1] :]
    if truncated and bounds[1] == len(text) and not SENTENCE_END.match(text.rstrip()[-1:]):
        raise UnclearError("the answer was cut off in the number's sentence")
    values = [rival.value for rival in rivals]
    if max(values) - min(values) > 0.02 * max(values):  # "5.7 degrees (0.1 radians)" is one value
        raise UnclearError("the answer states more than one number")
    if answer.top is not None and number.value > answer.top:
        raise UnclearError("the number is greater than its scale")
    if answer.may_be_numbered and wanted.unit is None and not (has_sides or is_stated(text, number)):
        raise UnclearError("the answer's first number may be the value, or that of a list")
    check_expression(text, number, bounds, wanted)
    check_other_quantity(text, number, bounds, wanted)
    if not math.isfinite(number.value):
        raise UnclearError("the number is not finite")
    if wanted.is_angle:
        check_angle(text, number, bounds, words.leaning)
        if has_sides:
            check_vertical(sentence, number.value, wanted, words.things)
    if NEGATED.search(sentence) and not (has_sides and number.value == 0.0 and _NO_TILT.search(sentence)):
        raise UnclearError("the answer negates something in the number's sentence")
    if number.value == 0.0:
        return 0.0
    signum = _sign(number, sentence)
    side = _side(text, number, sentence, others, wanted, words, has_sign=signum != 0) if has_sides else 0
    if signum and side and signum != side:
        raise UnclearError("the number's sign contradicts the side")
    return number.value * (signum or side or 1)


def _sign(number: Quantity, sentence: str) -> int:
    """The number's own sign; 0 for none."""
    said = number.sign
    if len(re.findall(rf"\b{SIGN_WORD}\b", sentence, re.IGNORECASE)) > said.isalpha():
        raise UnclearError("the answer speaks of a sign beside the number")
    return 0 if not said else -1 if said in {"-", "minus", "negative"} else 1


def _side(
    text: str,
    number: Quantity,
    sentence: str,
    others: str,
    wanted: Wanted,
    words: Words,
    *,
    has_sign: bool,
) -> int:
    """The side of an angle; 0 for none, and for what is no angle."""
    rated = is_rated(text, number)
    if rated and not wanted.is_angle:
        return 0
    is_angle = number.unit.dimension == ANGLE if number.unit else wanted.unit is None or wanted.is_angle
    side = side_of(sentence, others if is_angle else "", has_sign=has_sign, things=words.things)
    if side and not is_angle and _LEANING.search(sentence):
        raise UnclearError("the number's sentence also says to which side something leans")
    if side and rated:
        raise UnclearError("the number is called a rating, and the answer says to which side something leans")
    return side
