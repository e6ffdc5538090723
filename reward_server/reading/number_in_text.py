"""Reads the one number that an answer states: two explicit grammars. Pure functions.

    statement = [sign] digits [unit]
    sign      = a dash or "+" right before the digits | "minus" | "negative" | "plus" | "positive"
    unit      = degrees or radians, or none

That is ``plain``: left and right are words as any other. In ``signed_angle``, a statement also has a side,
in the number's sentence or in one about the tilt, and left is negative:

    side      = "to the left", "leaning left", "left-leaning", "12 degrees left", "Left, 12", …;
                clockwise is right

A wrong number is far worse than none, so whatever could mean another value has no value and a reason: two
values, a range, a bound, arithmetic, a negation, and, where the rubric's unit is an angle, a number without
a unit in the middle of prose. In ``signed_angle`` also: a side that is not understood or may not be that of
what leans, a sign against the side, an angle to the ground. Sides are in ``side_in_text.py``. Not for asking
the model or for rewards.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from reward_server.reading.side_in_text import (
    LEANS,
    NEGATED,
    SENTENCE_END,
    UNIT,
    SideError,
    any_of,
    side_of,
)

Grammar = Literal["plain", "signed_angle"]

_SIGN_WORD = r"(?:minus|negative|plus|positive)"
_NUMBER = re.compile(
    rf"""
    (?<![A-Za-z0-9_.,+-])                             # not inside a word (v1), a number, "--1" or "x-1"
    (?P<sign>[+-]|\b{_SIGN_WORD}\b\s*)?
    (?P<digits>[0-9]{{1,3}}(?:,[0-9]{{3}})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)
    (?P<exponent>[eE][+-]?[0-9]+)?
    (?:\s?-?\s?(?P<unit>{UNIT})(?![A-Za-z]))?
    (?![0-9A-Za-z_]|\.[0-9])                          # "2D", "1st" and "1.2.3" are not numbers
    """,
    re.VERBOSE | re.IGNORECASE,
)
_DIGIT = re.compile(r"[0-9]")
# What is no statement of the value: counts of pictures and steps, enumerators.
_NOT_THE_VALUE = re.compile(
    r"\b(?:images?|frames?|pictures?|figures?|steps?|number|no\.)\s*#?[0-9]+\b|#[0-9]+\b|"
    r"^\s*[0-9]+[.)]\s+(?=[A-Za-z])",
    re.IGNORECASE | re.MULTILINE,
)
_ECHO = re.compile(  # of a question that says which side is negative
    r"\(?\b(?:left|right)\s+(?:is|being|means|=)\s+(?:negative|positive)\b\)?|"
    r"\(?\b(?:negative|positive)\s+(?:is|being|means|=|for)\s+(?:the\s+)?(?:left|right)\b\)?",
    re.IGNORECASE,
)
_OUT_OF = re.compile(r"(?<=[0-9])\s*(?:/|out\s+of)\s*[0-9]+(?![0-9.])")
_ARITHMETIC_BEFORE = re.compile(
    r"(?:[/±×*^:'~<>≤≥=]{2}|[/±×*^'<>≤≥—]|\+/-|[0-9]|\bpi|π|- )\s*$", re.IGNORECASE
)
_ARITHMETIC_AFTER = re.compile(
    r"\s*(?:[/±×*^'′″:<>≤≥½¼¾²³π%]|[0-9]|\+/-|pi\b|x\s?[0-9]|and\s+a\b|per\b)", re.IGNORECASE
)
_BOUND = re.compile(
    r"\b(?:less|more|fewer|greater|larger|smaller|lower|higher)\s+than\b|\bat\s+(?:least|most)\b|"
    r"\b(?:under|over|within|up\s+to|below|above|exceed\w*|half\s+of|twice|between)\s+(?:[a-z]+\s+)?[+-]?[0-9]",
    re.IGNORECASE,
)
_RANGE = re.compile(
    rf"[0-9]\s*{UNIT}?\s*(?:[-~…—]|\.\.+|,(?![0-9]{{3}}(?![0-9])))\s*[+-]?\.?[0-9]", re.IGNORECASE
)
_NO_TILT = re.compile(rf"\b(?:neither|no\s+(?:tilt|lean|angle)|(?:not|n't)\s+(?:{LEANS}))", re.IGNORECASE)
_TO_THE_GROUND = (
    r"\b(?:horizontal\w*|horizon|ground|floor|[xX]-axis|perpendicular|right\s+angles?)\b|"
    r"\b(?:to|from|with|against|above|relative\s+to)\s+(?:the\s+|its\s+)?(?:base|track|surface|{things})\b"
)
_STANDS = re.compile(
    r"(?<!from )(?<!off )(?<!of )(?<!from the )(?<!than )\b(?:upright|straight|balanced|vertically)\b",
    re.IGNORECASE,
)
_SPELLED = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|"
    r"sixty|seventy|eighty|ninety)[- ](?:\w+[- ])?degrees?\b",
    re.IGNORECASE,
)
_LEAD_IN = (
    r"\W*(?>(?>(?:the|a|its|this|of|in|to|left|right|about|approximately|around|roughly|is|at|by|an?|answer|value|"
    r"angles?|tilt|direction|rating|result|estimate|estimated|(?:{leaning})(?:'s)?|{leans})\b[\s:=,'(-]*)*)\W*"
)
_BEHIND = re.compile(
    r"\W*(?:(?:to|towards?)\s+)?(?:the\s+)?(?:left|right|clockwise|counter-?clockwise)?\W*", re.IGNORECASE
)


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


class _UnclearError(Exception):
    """The text could mean another value."""


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
        unit: the rubric's unit. With ``deg`` or ``rad``, an angle in the other unit is converted, and a
            number without a unit counts only where it is all that the answer says.
        grammar: ``plain`` for numbers with their own sign, ``signed_angle`` for the angle of something that
            leans, where left is negative.
        words: names of what leans and of what else is there.
        truncated: whether the text was cut off at a limit, so that the number's sentence may lack its end.

    Returns:
        The value with its sign, or the reason why there is none.
    """
    try:
        return NumberReading(_read(_normalised(text), unit, grammar, words, truncated))
    except (_UnclearError, SideError) as unclear:
        return NumberReading(None, str(unclear))


def _normalised(text: str) -> str:
    """One kind of dash, no bold face, nothing that is no statement of a value."""
    text = "".join("-" if (unicodedata.category(c) == "Pd" and c != "—") or c in "−⁻" else c for c in text)
    return _NOT_THE_VALUE.sub(" ", text.replace("**", "").replace("`", ""))


def _read(text: str, unit: str | None, grammar: Grammar, words: Words, truncated: bool) -> float:
    is_angle, has_sides = unit in {"deg", "rad"}, grammar == "signed_angle"
    if has_sides:
        text = _ECHO.sub(" ", text)
    if not is_angle:
        text = _OUT_OF.sub("", text)
    numbers = list(_NUMBER.finditer(text))
    if not numbers:
        raise _UnclearError("the answer states no number")
    with_unit = [number for number in numbers if number["unit"] and (is_angle or has_sides)]
    number = (with_unit or numbers)[0]
    bounds = _sentence(text, number)
    sentence, others = text[slice(*bounds)], text[: bounds[0]] + "\n" + text[bounds[1] :]
    if truncated and bounds[1] == len(text) and not SENTENCE_END.match(text.rstrip()[-1:]):
        raise _UnclearError("the answer was cut off in the number's sentence")
    near = [n for n in numbers if bounds[0] <= n.start() < bounds[1]]
    _check_one_value([*with_unit, *near] if with_unit else numbers, unit)
    _check_expression(text, sentence, number, bounds)
    value = _value(number, unit)
    if not math.isfinite(value):
        raise _UnclearError("the number is not finite")
    if is_angle:
        _check_unit(text, number, bounds, words)
        if has_sides:
            _check_vertical(sentence, value, unit, words)
    if NEGATED.search(sentence) and not (has_sides and value == 0.0 and _NO_TILT.search(sentence)):
        raise _UnclearError("the answer negates something in the number's sentence")
    return _signed(value, number["sign"], sentence, others if has_sides else None, words)


def _value(number: re.Match[str], unit: str | None) -> float:
    value = float(number["digits"].replace(",", "") + (number["exponent"] or ""))
    if number["unit"] is None or unit not in {"deg", "rad"}:
        return value
    in_radians = number["unit"].lower().startswith("rad")
    if in_radians and unit == "deg":
        return math.degrees(value)
    return math.radians(value) if not in_radians and unit == "rad" else value


def _check_one_value(numbers: list[re.Match[str]], unit: str | None) -> None:
    values = [_value(number, unit) for number in numbers]
    if max(values) - min(values) > 0.02 * max(values):  # "5.7 degrees (0.1 radians)" is one value
        raise _UnclearError("the answer states more than one number")


def _check_expression(text: str, sentence: str, number: re.Match[str], bounds: tuple[int, int]) -> None:
    if _RANGE.search(sentence):
        raise _UnclearError("the answer states a range of numbers")
    if _ARITHMETIC_BEFORE.search(text[bounds[0] : number.start()]) or _ARITHMETIC_AFTER.match(
        text, number.end()
    ):
        raise _UnclearError("the number is part of an expression")
    if len(_DIGIT.findall(sentence)) > sum(len(_DIGIT.findall(n[0])) for n in _NUMBER.finditer(sentence)):
        raise _UnclearError("the number's sentence holds other digits")
    if _BOUND.search(sentence):
        raise _UnclearError("the answer states a bound, not a value")


def _check_unit(text: str, number: re.Match[str], bounds: tuple[int, int], words: Words) -> None:
    if not number["unit"]:
        before, behind = text[bounds[0] : number.start()], text[number.end() : bounds[1]]
        lead_in = _LEAD_IN.format(leaning=any_of(words.leaning), leans=LEANS)
        if not (re.fullmatch(lead_in, before, re.IGNORECASE) and _BEHIND.fullmatch(behind)):
            raise _UnclearError("the number has no unit and is not all that the answer says")
    if _SPELLED.search(text):
        raise _UnclearError("the answer spells a number out")


def _check_vertical(sentence: str, value: float, unit: str | None, words: Words) -> None:
    if re.search(_TO_THE_GROUND.format(things=any_of(words.things)), sentence, re.IGNORECASE):
        raise _UnclearError("the number may be an angle to the ground, not from the vertical")
    if _STANDS.search(sentence) and value >= (45.0 if unit == "deg" else math.pi / 4):
        raise _UnclearError("what leans is said to stand upright at a large angle")


def _signed(value: float, sign: str | None, sentence: str, others: str | None, words: Words) -> float:
    """The value with its sign; with that of its side where the other sentences are given."""
    if value == 0.0:
        return 0.0
    said = (sign or "").strip().lower()
    signum = 0 if not said else -1 if said in {"-", "minus", "negative"} else 1
    if len(re.findall(rf"\b{_SIGN_WORD}\b", sentence, re.IGNORECASE)) > (said.isalpha()):
        raise _UnclearError("the answer speaks of a sign beside the number")
    side = 0 if others is None else side_of(sentence, others, has_sign=signum != 0, things=words.things)
    if signum and side and signum != side:
        raise _UnclearError("the number's sign contradicts the side")
    return value * (signum or side or 1)


def _sentence(text: str, number: re.Match[str]) -> tuple[int, int]:
    """Bounds of the sentence around a number, which a line break inside the number does not end."""
    ends = [match.end() for match in SENTENCE_END.finditer(text)]
    start = max((end for end in ends if end <= number.start()), default=0)
    return start, min((end for end in ends if end >= number.end()), default=len(text))
