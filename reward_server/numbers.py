"""Reads the one number that a sentence states: an explicit grammar. Pure functions.

    answer    = text that holds exactly one statement of a value
    statement = [sign] digits [unit] [side], side anywhere in the number's sentence
    sign      = "-" | "+" | "minus" | "negative" | "plus" | "positive"
    unit      = degrees or radians (a number with one is preferred to numbers without), or none
    side      = "to the left", "leaning left", "left-leaning", "12 degrees left", "Left, 12", …;
                clockwise is right. Left is negative.

What it cannot read without guessing has no value and a reason: no number, a range, sides that
contradict each other or the sign, a negated side, an angle to the ground, an answer that was cut off in
the middle of the number. Not for asking the model or for rewards.
"""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass

_MINUS = "-\N{MINUS SIGN}\N{EN DASH}\N{NON-BREAKING HYPHEN}"
_UNIT = r"(?:degrees?|degs?|deg\.|radians?|rads?|\N{DEGREE SIGN}|\N{MASCULINE ORDINAL INDICATOR})"

_NUMBER = re.compile(
    rf"""
    (?<![A-Za-z0-9_.,])                               # not inside a word (v1) or another number
    (?<![{_MINUS}+])                                  # nor behind a hyphen (CartPole-1), nor "--1"
    (?P<sign>(?:[{_MINUS}+]|\b(?:minus|negative|plus|positive)\b)\ ?)?
    (?P<digits>[0-9]{{1,3}}(?:,[0-9]{{3}})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)
    (?P<exponent>[eE][+-]?[0-9]+)?
    (?:\ ?-?\ ?(?P<unit>{_UNIT})(?![A-Za-z]))?
    (?![0-9A-Za-z_]|\.[0-9])                          # "2D", "1st" and "1.2.3" are not numbers
    """,
    re.VERBOSE | re.IGNORECASE,
)
# "10-15", "10 to 15", "between 10 and 15", "10 or 15", "12,5": more than one number, or none.
_RANGE = re.compile(
    rf"[0-9]\s*{_UNIT}?\s*(?:[{_MINUS}~]|to|or|and|\.\.+|,(?![0-9]{{3}}(?![0-9])))\s*[{_MINUS}+]?\.?[0-9]",
    re.IGNORECASE,
)
_ENUMERATOR = re.compile(r"^\s*[0-9]+[.)]\s+(?=[A-Za-z])", re.MULTILINE)
_SENTENCE_END = re.compile(r"[.!?;](?=\s|$)|\n")
_TO_THE_GROUND = re.compile(
    r"\b(?:to|from|with|above|below|relative to|against)\b[^.;0-9]{0,20}"
    r"\b(?:horizontal|horizon|ground|floor|base|track|cart|surface|line)\b",
    re.IGNORECASE,
)

_SIDE = r"(?P<side>left|right|clockwise|counter-?\s?clockwise|anti-?clockwise)"
_ADVERB = r"(?:(?:slightly|somewhat|strongly|heavily|sharply|mostly|more|further|far|a bit|a little|very)\s+)"
_AFTER = (
    r"(?![A-Za-z])(?!\s+(?:half|edge|corner|angles?)\b)"
    # "left of the centre" is a place; "left of vertical" a direction
    r"(?!\s+of\b(?!\s+(?:the\s+)?(?:vertical|upright|normal|straight)))"
)
_LEANS = r"(?:lean|tilt|fall|slant|tip|point|inclin|bend|bent|angl|rota|swing|deviat)[a-z]*"
# Sentences beside the number's whose side is the pole's: "The cart is to the left." is not.
_ABOUT_TILT = re.compile(rf"\b(?:{_LEANS}|direction|side)\b|\A\W*(?:left|right)\W*\Z", re.IGNORECASE)
_SIDES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:to|towards?|onto)\s+(?:(?:the|its|your|our|my)\s+)?{_SIDE}{_AFTER}",
        rf"\b{_LEANS}\s+{_ADVERB}*{_SIDE}{_AFTER}",
        rf"\b(?:direction|side)\s*(?:is|:|=)\s*(?:the\s+)?{_SIDE}{_AFTER}",
        r"\b(?P<side>left|right)(?:-|\s)?(?:leaning|tilt(?:ed|ing)?|slant(?:ed|ing)?|wards?)\b",
        rf"[0-9](?:\s?-?\s?{_UNIT})?[,\s(]+{_SIDE}{_AFTER}",
        rf"\A\W*{_SIDE}(?![A-Za-z])(?=[\s,:;.=(-]*[0-9])",
        r"\A\W*(?P<side>left|right)\W*\Z",
        r"\b(?P<side>clockwise|counter-?\s?clockwise|anti-?clockwise)\b",
    )
)
_NEGATED = re.compile(r"\b(?:not|neither|nor|never|without|no)\b|n't\b", re.IGNORECASE)


@dataclass(frozen=True)
class NumberReading:
    """What a text states.

    Attributes:
        value: the number, finite; None where the text states none.
        reason: why there is no value; empty where there is one.
    """

    value: float | None
    reason: str = ""


def read_number(text: str, unit: str | None = None, *, truncated: bool = False) -> NumberReading:
    """Reads the number that a text states.

    Args:
        text: what the model generated.
        unit: the rubric's unit. With ``deg`` or ``rad``, an angle in the other unit is converted.
        truncated: whether the text was cut off at a limit, so that a number at its very end may lack
            digits.

    Returns:
        The value with its sign, left negative, or the reason why there is none.
    """
    text = _ENUMERATOR.sub("", text)
    numbers = list(_NUMBER.finditer(text))
    if not numbers:
        return NumberReading(None, "the answer states no number")
    with_unit = [number for number in numbers if number["unit"]]
    number = with_unit[0] if with_unit else numbers[0]
    sentences = _sentences(text)
    at = next(i for i, (_, end) in enumerate(sentences) if number.end() <= end)
    start, end = sentences[at]
    if truncated and end == len(text) and not _SENTENCE_END.match(text.rstrip()[-1:]):
        return NumberReading(None, "the answer was cut off in the number's sentence")
    first, last = number.start("digits"), number.end("digits")
    if any(found.start() < last and found.end() > first for found in _RANGE.finditer(text, start, end)):
        return NumberReading(None, "the answer states a range of numbers")
    value = float(number["digits"].replace(",", "") + (number["exponent"] or ""))
    value = _convert(value, number["unit"], unit)
    if not math.isfinite(value):
        return NumberReading(None, "the number is not finite")
    if _TO_THE_GROUND.search(_until_next_number(text[number.end() : end])):
        return NumberReading(None, "the number is an angle to the ground, not from the vertical")
    others = [text[slice(*bounds)] for i, bounds in enumerate(sentences) if i != at]
    return _signed(value, number["sign"], text[start:end], [s for s in others if _ABOUT_TILT.search(s)])


def _signed(value: float, sign: str | None, sentence: str, others: list[str]) -> NumberReading:
    said = (sign or "").strip().lower()
    signum = 0 if not said else -1 if said in _MINUS or said in {"minus", "negative"} else 1
    if value == 0.0:
        return NumberReading(0.0)
    # "The pole leans to the left. The angle is 10 degrees."
    stated_in = [sentence] if _sides(sentence) else others
    sides = {side for part in stated_in for side in _sides(part)}
    if len(sides) == 2:
        return NumberReading(None, "the answer names both sides")
    if sides and any(_NEGATED.search(part) for part in stated_in if _sides(part)):
        return NumberReading(None, "the answer negates a side")
    side = sides.pop() if sides else 0
    if signum and side and signum != side:
        return NumberReading(None, "the number's sign contradicts the side")
    return NumberReading(value * (signum or side or 1))


def _sides(sentence: str) -> set[int]:
    """The sides that a sentence names: -1 for left, 1 for right."""
    return {
        -1 if found["side"].lower().startswith(("left", "counter", "anti")) else 1
        for pattern in _SIDES
        for found in pattern.finditer(sentence)
    }


def _sentences(text: str) -> list[tuple[int, int]]:
    """Bounds of all sentences; together they are the whole text."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    bounds = [0, *ends, *([len(text)] if not ends or ends[-1] < len(text) else [])]
    return list(itertools.pairwise(bounds))


def _until_next_number(text: str) -> str:
    following = _NUMBER.search(text)
    return text[: following.start()] if following else text


def _convert(value: float, said: str | None, wanted: str | None) -> float:
    if said is None or wanted not in {"deg", "rad"}:
        return value
    in_radians = said.lower().startswith("rad")
    if in_radians and wanted == "deg":
        return math.degrees(value)
    return math.radians(value) if not in_radians and wanted == "rad" else value
