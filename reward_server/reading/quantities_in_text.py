"""Finds the numbers of a text, each with its sign, its unit and its scale, and says which one is meant.

Pure functions. A number with the rubric's unit comes first; one with a unit of something else is never meant.
Without a unit in the rubric, a lone number counts, and one that is stated as the answer ("Rating: 7") beside
numbers that are of something else ("The joint is at 45 degrees").

Not for whether a number may be read at all (``number_in_text.py``).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import lru_cache

from reward_server.reading.side_in_text import NEGATED, SENTENCE_END
from reward_server.reading.units import ANGLE, KNOWN_UNIT, PERCENT, UNIT_END, Unit, Wanted, singular, unit_of

SIGN_WORD = r"(?:minus|negative|plus|positive)"
_DIGITS = r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+"
_SCALE = (
    r"(?:(?:\s*(?P<slash>/)\s*|\s+\(?{out_of}\s+)(?P<scale>[0-9]+(?:\.[0-9]+)?)\)?(?![0-9]|\.[0-9]|\s*/))?"
)
_VALUE = r"rating|score|progress|grade|mark|reward|completion|probability|likelihood"
_LEAD_IN = re.compile(
    rf"\W*(?>(?>(?:{_VALUE}|answer|value|result|estimate|estimated|number|the|my|your|its|this|that|it|a|an|as|of|"
    r"in|for|to|overall|final|current|task|scale|about|approximately|around|roughly|is|at|be|i|we|would|d|ll|will|"
    r"rate|rated|give|assign|say|therefore|so|thus|hence)\b[\s:=,'\u2019(-]*)*)\W*",
    re.IGNORECASE,
)
_RATED = re.compile(rf"\b(?:{_VALUE}|rated?)\b", re.IGNORECASE)
_CORRECTION = re.compile(
    r"\b(?:actually|wait|rather|instead|correct\w*|maybe|perhaps|possibly|or|mean|hmm)\b", re.IGNORECASE
)
_COUNTED = re.compile(r"\bthere\s+(?:is|are|were|was)\s+(?:[a-z]+\s+)?$|\bthere's\s+$", re.IGNORECASE)
_FEW_WORDS = 4


class UnclearError(Exception):
    """The text could mean another value."""


@dataclass(frozen=True)
class Quantity:
    """A number in a text.

    Attributes:
        start: its place.
        end: where it ends, with its unit.
        value: without its sign, in the rubric's unit where its own is another size of that.
        sign: as it is written; empty for none.
        unit: None for none.
        unit_text: the unit as it is written.
        scale: what it is out of; None for nothing.
        has_slash: whether that is written like a fraction.
    """

    start: int
    end: int
    value: float
    sign: str
    unit: Unit | None
    unit_text: str
    scale: float | None
    has_slash: bool


def find_quantities(text: str, wanted: Wanted) -> list[Quantity]:
    """Finds the numbers of a text, in order.

    Args:
        text: an answer.
        wanted: the rubric's unit; its own name is a unit too.
    """
    return [_quantity(found, wanted) for found in _pattern(wanted).finditer(text)]


def choose(
    text: str, numbers: list[Quantity], wanted: Wanted, *, has_sides: bool
) -> tuple[Quantity, list[Quantity]]:
    """Says which number is meant.

    Args:
        text: where the numbers were found.
        numbers: at least one.
        wanted: the rubric's unit.
        has_sides: whether the grammar reads angles with sides.

    Returns:
        The number, and all that must have its value for it to be the only one.

    Raises:
        UnclearError: there is none but of other quantities.
    """
    unit = Unit(ANGLE) if has_sides and wanted.unit is None else wanted.unit
    fitting = [n for n in numbers if n.unit and unit and n.unit.dimension == unit.dimension]
    bare = [number for number in numbers if number.unit is None]
    if wanted.unit is not None:
        bare = [n for n in bare if not _is_count(text, n)] or ([] if wanted.is_known else bare)
    if wanted.unit is None:
        stated = next((n for n in bare if is_stated(text, n) and _others_are_asides(text, n, numbers)), None)
        if stated:
            return stated, [stated]
    if fitting and unit:
        if wanted.unit is None and any(is_stated(text, number) for number in bare):
            raise UnclearError("the answer states more than one number")
        number = fitting[0]
        start, stop = sentence_bounds(text, number)
        near = [n for n in numbers if start <= n.start < stop]
        rivals = [n for n in near if n.unit is None or n.unit.shares_a_part_with(unit)]
        rivals += [n for n in bare if _is_all_of_a_sentence(text, n) and not is_rated(text, n)]
        return number, fitting + rivals
    if unit and not bare:
        name = wanted.name or "an angle's unit"
        other = numbers[0].unit_text
        raise UnclearError(
            f"the number is in {other!r}, not in {name!r}" if other else "the number is a count"
        )
    if unit:
        return bare[0], bare
    if numbers[0].unit and wanted.scale is not None:
        raise UnclearError(f"the number is in {numbers[0].unit_text!r}, not {wanted.name!r}")
    if numbers[0].unit == Unit(PERCENT):
        raise UnclearError("the number is a percentage, and the rubric's unit is none")
    return numbers[0], numbers


def is_stated(text: str, number: Quantity) -> bool:
    """Whether the number's sentence says nothing but the number, or that it is the answer."""
    start, stop = sentence_bounds(text, number)
    if number.scale is not None:
        return True
    return bool(
        _LEAD_IN.fullmatch(text, start, number.start) and re.fullmatch(r"\W*", text[number.end : stop])
    )


def is_rated(text: str, number: Quantity) -> bool:
    """Whether a number is a rating, and no angle."""
    start, _ = sentence_bounds(text, number)
    return number.scale is not None or _RATED.search(text, start, number.start) is not None


def sentence_bounds(text: str, number: Quantity) -> tuple[int, int]:
    """Bounds of the sentence around a number, which a line break inside the number does not end."""
    ends = _sentence_ends(text)
    before, behind = bisect_right(ends, number.start), bisect_left(ends, number.end)
    return ends[before - 1] if before else 0, ends[behind] if behind < len(ends) else len(text)


@lru_cache(maxsize=8)  # it is asked once for each number of a text
def _sentence_ends(text: str) -> tuple[int, ...]:
    return tuple(match.end() for match in SENTENCE_END.finditer(text))


@lru_cache(maxsize=64)
def _pattern(wanted: Wanted) -> re.Pattern[str]:
    own = r"(?!)"
    if wanted.unit:
        is_whole = wanted.is_known or len(wanted.name) == 1
        own = re.escape(wanted.name) if is_whole else re.escape(singular(wanted.name)) + "s?"
        own = f"(?-i:{own})" if len(wanted.name) == 1 else own
        own += rf"{UNIT_END}(?!\s?(?:/|\bper\b))" if wanted.name[-1].isalpha() else ""
    out_of = r"out\s+of" if wanted.scale is None else r"(?:out\s+)?of"
    scale = "" if wanted.is_known else _SCALE.format(out_of=out_of)
    first, second = (KNOWN_UNIT, own) if wanted.is_known else (own, KNOWN_UNIT)
    one, two = ("known", "own") if wanted.is_known else ("own", "known")
    return re.compile(
        rf"""
        (?<![A-Za-z0-9_.,+-])                             # not inside a word (v1), a number, "--1" or "x-1"
        (?P<sign>[+-]|\b{SIGN_WORD}\b\s*)?
        (?P<digits>{_DIGITS})
        (?P<exponent>[eE][+-]?[0-9]+)?
        {scale}
        (?:\s?-?\s?(?:(?P<{one}>{first})|(?P<{two}>{second})))?
        (?![0-9A-Za-z_]|\.[0-9])                          # "2D", "1st" and "1.2.3" are not numbers
        """,
        re.VERBOSE | re.IGNORECASE,
    )


def _quantity(found: re.Match[str], wanted: Wanted) -> Quantity:
    groups = found.groupdict()
    value = float(groups["digits"].replace(",", "") + (groups["exponent"] or ""))
    unit = wanted.unit if groups["own"] else unit_of(groups["known"]) if groups["known"] else None
    if unit and wanted.unit and unit.dimension == wanted.unit.dimension and unit.size != wanted.unit.size:
        value *= unit.size / wanted.unit.size
    return Quantity(
        start=found.start(),
        end=found.end(),
        value=value,
        sign=(groups["sign"] or "").strip().lower(),
        unit=unit,
        unit_text=groups["own"] or groups["known"] or "",
        scale=float(groups["scale"]) if groups.get("scale") else None,
        has_slash=groups.get("slash") is not None,
    )


def _is_all_of_a_sentence(text: str, number: Quantity) -> bool:
    """Whether the number's sentence is a few words and then the number, as in "Angle: 12"."""
    start, stop = sentence_bounds(text, number)
    before, behind = text[start : number.start], text[number.end : stop]
    return len(re.findall(r"\w+", before)) <= _FEW_WORDS and not re.search(r"\w", behind)


def _others_are_asides(text: str, stated: Quantity, numbers: list[Quantity]) -> bool:
    """Whether all other numbers are of something else: counts, or with a unit in a later sentence."""
    return all(_is_aside(text, number, stated) for number in numbers if number is not stated)


def _is_aside(text: str, number: Quantity, stated: Quantity) -> bool:
    start, stop = sentence_bounds(text, number)
    sentence = text[start:stop]
    if start <= stated.start < stop or NEGATED.search(sentence) or _CORRECTION.search(sentence):
        return False
    if number.unit is None:
        return _is_count(text, number)
    return number.start > stated.start and not is_stated(text, number)


def _is_count(text: str, number: Quantity) -> bool:
    """Whether a number says how many of something there are."""
    return _COUNTED.search(text, sentence_bounds(text, number)[0], number.start) is not None
