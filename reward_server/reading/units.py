"""Units behind a number, by whatever name a model or a rubric gives them. Pure functions.

Not for numbers (``quantities_in_text.py``).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

ANGLE, PERCENT, PROBABILITY = "angle", "percentage", "probability"
ANGLE_UNIT = r"(?:degrees?|degs?|deg\.|radians?|rads?|°|º)"

_DEGREE = r"(?:degrees?|degs?|deg\.|°|º)"
_NO_ANGLE = r"\s?(?:(?-i:[CFK])\b|celsius|centigrade|fahrenheit|kelvin|of\s+freedom)"
_LETTER = r"(?<=\s)(?-i:{})"  # a single letter is a unit only where it stands alone: "4 m", not "4s"
UNIT_END = r"(?![A-Za-z\u00b2\u00b3])"
"""What does not come after a unit: the rest of a word, or a power."""

# dimension, size, how it is written; of two that begin alike the longer one first
_KNOWN = (
    ("temperature in Celsius", 1.0, rf"{_DEGREE}\s?(?:(?-i:C)\b|celsius|centigrade)|celsius|centigrade|℃"),
    ("temperature in Fahrenheit", 1.0, rf"{_DEGREE}\s?(?:(?-i:F)\b|fahrenheit)|fahrenheit|℉"),
    ("freedom", 1.0, rf"{_DEGREE}\s+of\s+freedom"),
    (ANGLE, 1.0, rf"{_DEGREE}(?!{_NO_ANGLE})"),
    (ANGLE, math.degrees(1.0), r"radians?|rads?"),
    (PERCENT, 1.0, r"%|percentage\s+points?|percent|per\s+cent|pct"),
    (PROBABILITY, 1.0, r"probability"),
    ("length", 0.001, r"millimet(?:er|re)s?|mms?"),
    ("length", 0.01, r"centimet(?:er|re)s?|cms?"),
    ("length", 0.1, r"decimet(?:er|re)s?|dm"),
    ("length", 1000.0, r"kilomet(?:er|re)s?|kms?"),
    ("length", 0.0254, r"inch(?:es)?"),
    ("length", 0.3048, r"feet|foot|ft"),
    ("length", 0.9144, r"yards?|yd"),
    ("length", 1609.344, r"miles?"),
    ("length", 1.0, rf"met(?:er|re)s?|{_LETTER.format('m')}"),
    ("mass", 1e-6, r"milligrams?|mg"),
    ("mass", 1.0, r"kilograms?|kilos?|kgs?"),
    ("mass", 0.45359237, r"pounds?|lbs?"),
    ("mass", 0.028349523125, r"ounces?|oz"),
    ("mass", 0.001, rf"grams?|{_LETTER.format('g')}"),
    ("time", 0.001, r"milliseconds?|msecs?|ms"),
    ("time", 60.0, r"minutes?|mins?"),
    ("time", 3600.0, rf"hours?|hrs?|{_LETTER.format('h')}"),
    ("time", 86400.0, r"days?"),
    ("time", 1.0, rf"seconds?|secs?|{_LETTER.format('s')}"),
    ("pixels", 1.0, r"pixels?|px"),
)
_OTHER_NAMES = {"m": "meter", "g": "gram", "h": "hour", "s": "second", "in": "inch"}
_ONE = "|".join(written for _, _, written in _KNOWN)
_PER = r"\s?(?:/\s?|\bper\s+)"
KNOWN_UNIT = rf"(?:(?:square|cubic)\s+)?(?:{_ONE})(?:{_PER}(?:{_ONE}|(?-i:[msh])))?{UNIT_END}"
"""A pattern of all units that are known by name, and of one of them per another."""


@dataclass(frozen=True)
class Unit:
    """A unit.

    Attributes:
        dimension: what it measures, such as ``length per time``; of an unknown one its own name.
        size: in the first unit of its dimension.
    """

    dimension: str
    size: float = 1.0

    def shares_a_part_with(self, other: Unit) -> bool:
        """Whether one may be taken for the other, as a speed for a length."""
        return not set(self.dimension.split(" per ")).isdisjoint(other.dimension.split(" per "))


@dataclass(frozen=True)
class Wanted:
    """What a rubric's unit says of the numbers of its answers.

    Attributes:
        name: the unit as the rubric writes it; empty for none.
        unit: None where there is none, or only a scale.
        scale: the highest number of a scale such as ``of 10``; None for none.
        is_known: whether the unit is known by name, so that its other sizes are known too.
    """

    name: str
    unit: Unit | None
    scale: float | None = None
    is_known: bool = False

    @property
    def is_angle(self) -> bool:
        """Whether it is an angle's unit."""
        return self.unit is not None and self.unit.dimension == ANGLE


@lru_cache(maxsize=256)
def unit_of(text: str) -> Unit | None:
    """The unit that a text names, alone or one per another; None for an unknown one."""
    if whole := _known(text):
        return whole
    parts = [_known(part) for part in re.split(_PER, text, flags=re.IGNORECASE)]
    if len(parts) != 2 or parts[0] is None or parts[1] is None:
        return None
    one, other = parts[0], parts[1]
    return Unit(f"{one.dimension} per {other.dimension}", one.size / other.size)


@lru_cache(maxsize=256)
def wanted_by(rubric_unit: str | None) -> Wanted:
    """What a rubric's unit says of the numbers of its answers."""
    name = (rubric_unit or "").strip()
    scale = re.fullmatch(r"(?:out\s+)?(?:of\s+|/\s*)([0-9]+(?:\.[0-9]+)?)(?:\s+[a-z]+)?", name, re.IGNORECASE)
    if not name or scale:
        return Wanted(name, None, float(scale[1]) if scale else None)
    begins = re.match(rf"({KNOWN_UNIT})(?=[\s(,])", name, re.IGNORECASE)  # "degrees (signed)"
    unit = unit_of(name) or (unit_of(begins[1]) if begins else None)
    return Wanted(name, unit or Unit(singular(name)), is_known=unit is not None)


def is_angle_unit(rubric_unit: str | None) -> bool:
    """Whether a rubric's unit is an angle's, by whatever name."""
    return wanted_by(rubric_unit).is_angle


def singular(name: str) -> str:
    """The name of one of a thing: ``point`` for ``points``."""
    name = name.casefold()
    return name[:-1] if len(name) > 3 and name.endswith("s") else name


def _known(text: str) -> Unit | None:
    if re.match(r"(?:square|cubic)\s", text, re.IGNORECASE):
        return Unit(text.casefold())
    text = _OTHER_NAMES.get(text, text)
    for dimension, size, written in _KNOWN:
        if re.fullmatch(written, text, re.IGNORECASE):
            return Unit(dimension, size)
    return None
