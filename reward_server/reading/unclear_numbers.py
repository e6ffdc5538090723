"""What makes the number that an answer states unclear: ranges, bounds, arithmetic, other quantities.

Pure functions; each raises ``UnclearError`` with the reason. Not for which number is meant
(``quantities_in_text.py``).
"""

from __future__ import annotations

import math
import re

from reward_server.reading.quantities_in_text import Quantity, UnclearError, find_quantities
from reward_server.reading.side_in_text import LEANS, any_of
from reward_server.reading.units import ANGLE_UNIT, Wanted, unit_of

_DIGIT = re.compile(r"[0-9]")
_ARITHMETIC_BEFORE = re.compile(
    r"(?:[/±×*^:'~<>≤≥=]{2}|[/±×*^'<>≤≥—]|\+/-|[0-9]|\bpi|π|- )\s*$", re.IGNORECASE
)
_ARITHMETIC_AFTER = re.compile(
    r"\s*(?:[/±×*^'′″:<>≤≥½¼¾²³π%]|[0-9]|\+/-|pi\b|x\s?[0-9]|and\s+a\b|per\b|o'clock|[ap]\.?m\b)",
    re.IGNORECASE,
)
_BOUND = re.compile(
    r"\b(?:less|more|fewer|greater|larger|smaller|lower|higher)\s+than\b|\bat\s+(?:least|most)\b|"
    r"\b(?:under|over|within|up\s+to|below|above|exceed\w*|half\s+of|twice|between)\s+(?:[a-z]+\s+)?[+-]?[0-9]|"
    r"\bor\s+(?:less|more|fewer|greater|higher|lower)\b",
    re.IGNORECASE,
)
_RANGE = re.compile(
    rf"[0-9]\s*{ANGLE_UNIT}?\s*(?:[-~…—]|\.\.+|,(?![0-9]{{3}}(?![0-9])))\s*[+-]?\.?[0-9]", re.IGNORECASE
)
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
_MONEY = re.compile(r"[$€£¥]\s*$")
_WORD_BEFORE = re.compile(r"([A-Za-z]+)\s+$")
_MONEY_BEHIND = re.compile(r"\s*[$€£¥]")
_WORD_BEHIND = re.compile(r"[\s-]+([A-Za-z][A-Za-z0-9²³]*)")
_OUT_OF = re.compile(
    r"\b(?:out\s+of|(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|none|all)\s+of)\s*$",
    re.IGNORECASE,
)
_RATED_IN_WORDS = re.compile(
    r"\b(?:rating|rate|score|progress|answer|value)\b\W+(?:(?:is|it|this|a|of|as|about|at)\W+)*"
    r"(?:zero|one|two|three|four|five|six|seven|eight|nine|ten)\b",
    re.IGNORECASE,
)
# What may stand around a number without a unit that is no count ("4 blocks") and no name ("block 4").
_MAY_STAND_BEHIND = re.compile(
    r"(?:above|after|and|apart|approximately|as|at|away|back|backward|because|before|behind|below|beyond|but|by|"
    r"closer|deep|down|farther|for|forward|from|further|given|here|high|if|is|left|long|near|now|off|on|or|over|"
    r"overall|points?|right|roughly|since|so|stars?|tall|thick|to|total|under|units?|up|was|when|where|which|"
    r"while|wide|with|in(?=\s+(?:a|all|an|both|each|front|my|our|the|this|total)\b)|"
    # the first words of a sentence, without a full stop before it
    r"(?-i:A|All|An|And|As|At|Because|Both|But|Here|However|I|In|It|Its|My|No|Note|On|Since|So|That|The|There|"
    r"These|This|We|Yes))\b",
    re.IGNORECASE,
)
_MAY_STAND_BEFORE = re.compile(
    r"a|about|almost|an|and|answer|approximately|are|around|as|assume|at|be|believe|by|completion|distance|"
    r"equals|estimated?|exactly|from|guess|is|it|just|measures?|minus|nearly|negative|of|only|or|plus|positive|"
    r"probability|progress|rating|result|roughly|says?|score|some|still|than|that|the|think|this|to|value|was|"
    r"were|with",
    re.IGNORECASE,
)
_SLASH_SCALES = frozenset({5.0, 7.0, 9.0, 10.0, 20.0, 100.0})
"""What a number is out of where it is written like a fraction and the rubric has no scale of its own."""


def check_expression(text: str, number: Quantity, bounds: tuple[int, int], wanted: Wanted) -> None:
    """Refuses a number that is part of a range, a bound, a fraction or another expression."""
    sentence = text[slice(*bounds)]
    if _RANGE.search(sentence):
        raise UnclearError("the answer states a range of numbers")
    is_inches = text.startswith('"', number.end) and sentence.count('"') % 2
    before = text[bounds[0] : number.start]
    if _OUT_OF.search(before) or _RATED_IN_WORDS.search(text):
        raise UnclearError("the answer spells a number out")
    if _ARITHMETIC_BEFORE.search(before) or _ARITHMETIC_AFTER.match(text, number.end) or is_inches:
        raise UnclearError("the number is part of an expression")
    _check_scale(text, number, bounds, wanted)
    found = find_quantities(sentence, wanted)
    if len(_DIGIT.findall(sentence)) > sum(len(_DIGIT.findall(sentence, n.start, n.end)) for n in found):
        raise UnclearError("the number's sentence holds other digits")
    if _BOUND.search(sentence):
        raise UnclearError("the answer states a bound, not a value")


def check_other_quantity(text: str, number: Quantity, bounds: tuple[int, int], wanted: Wanted) -> None:
    """Refuses a number without a unit that counts or names something, where the rubric has a unit."""
    if wanted.unit is None or number.unit is not None:
        return
    before, behind = text[bounds[0] : number.start], text[number.end : bounds[1]]
    if _MONEY.search(before) or _MONEY_BEHIND.match(behind):
        raise UnclearError(f"the number is an amount of money, not one of {wanted.name!r}")
    if wanted.is_angle or number.scale is not None:
        return  # an angle must be all that the answer says
    if word := _strange_word(text, number, bounds):
        raise UnclearError(f"the number is one of {word!r}, not of {wanted.name!r}")
    if (word_before := _WORD_BEFORE.search(before)) and not _MAY_STAND_BEFORE.fullmatch(word_before[1]):
        raise UnclearError(f"the number may be the name of a {word_before[1]!r}")


def check_angle(text: str, number: Quantity, bounds: tuple[int, int], leaning: tuple[str, ...]) -> None:
    """Refuses an angle without a unit in the middle of prose, or beside one that is spelled out."""
    if number.unit is None:
        before, behind = text[bounds[0] : number.start], text[number.end : bounds[1]]
        lead_in = _LEAD_IN.format(leaning=any_of(leaning), leans=LEANS)
        if not (re.fullmatch(lead_in, before, re.IGNORECASE) and _BEHIND.fullmatch(behind)):
            raise UnclearError("the number has no unit and is not all that the answer says")
    if _SPELLED.search(text):
        raise UnclearError("the answer spells a number out")


def check_vertical(sentence: str, value: float, wanted: Wanted, things: tuple[str, ...]) -> None:
    """Refuses an angle that may be one to the ground."""
    if re.search(_TO_THE_GROUND.format(things=any_of(things)), sentence, re.IGNORECASE):
        raise UnclearError("the number may be an angle to the ground, not from the vertical")
    if _STANDS.search(sentence) and value >= (45.0 if wanted.unit == unit_of("deg") else math.pi / 4):
        raise UnclearError("what leans is said to stand upright at a large angle")


def _check_scale(text: str, number: Quantity, bounds: tuple[int, int], wanted: Wanted) -> None:
    scale = wanted.scale if number.scale is None else number.scale
    if scale is None or number.unit is not None:
        return
    if wanted.scale not in {None, scale}:
        raise UnclearError(f"the number is out of {scale:g}, which is not the rubric's scale {wanted.name!r}")
    if number.value > scale:
        raise UnclearError("the number is greater than its scale")
    is_fraction = scale not in _SLASH_SCALES or _strange_word(text, number, bounds)
    if number.has_slash and wanted.scale is None and is_fraction:
        raise UnclearError("the number may be a fraction")


def _strange_word(text: str, number: Quantity, bounds: tuple[int, int]) -> str | None:
    """The word behind a number that says what it is a number of."""
    found = _WORD_BEHIND.match(text, number.end, bounds[1])
    if found is None or _MAY_STAND_BEHIND.match(text, found.start(1)):
        return None
    return found[1]
