"""Which side an answer says that something leans to. Pure functions; left is -1, right is 1.

Not for numbers (``number_in_text.py``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from reward_server.reading.units import ANGLE_UNIT

_LEFT_OR_RIGHT = r"(?P<side>left|right|clockwise|counter-?\s?clockwise|anti-?clockwise)"
_ADVERB = r"(?:(?:slightly|somewhat|strongly|heavily|sharply|mostly|more|further|far|a bit|a little|very)\s+)"
LEANS = r"(?:lean|tilt|fall|slant|tip|inclin|bend|bent|angl|rota|deviat)[a-z]*"
# "left of the centre" is a place; "left of vertical" a direction
_OF_VERTICAL = r"(?:\s+of\s+(?:the\s+)?(?:vertical|upright|normal))"
_BEHIND = rf"(?![A-Za-z-])(?!\s+(?:half|edge|corner|angles?)\b)(?:{_OF_VERTICAL}|(?!\s+of\b))"

_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:to|towards?)\s+(?:(?:the|its|your|our|my)\s+)?{_LEFT_OR_RIGHT}(?:\s+side)?{_BEHIND}",
        rf"\b{LEANS}\s+{_ADVERB}*{_LEFT_OR_RIGHT}{_BEHIND}",
        rf"\b(?:direction|side)(?:\s+of\s+(?:the\s+)?(?:tilt|lean))?\s*(?:is|:|=)\s*(?:the\s+)?{_LEFT_OR_RIGHT}{_BEHIND}",
        r"\b(?P<side>left|right)(?:-|\s)?(?:leaning|tilt(?:ed|ing)?|slant(?:ed|ing)?|wards?)\b",
        rf"[0-9](?:\s?-?\s?{ANGLE_UNIT})?[,\s(]+{_LEFT_OR_RIGHT}{_BEHIND}",
        rf"\A\W*{_LEFT_OR_RIGHT}(?![A-Za-z])(?=[\s,:;.=(-]*[0-9])",
        r"\A\W*(?P<side>left|right)\W*\Z",
    )
)
_WORD = re.compile(r"\b(?:left|right)(?:wards?|most)?\b|clockwise|\b[LR]\b", re.IGNORECASE)
_CLAUSE_END = re.compile(r"[,;:]|\b(?:and|while|but|which|where|whereas|with|as)\b", re.IGNORECASE)
_A_PLACE = r"mov\w+|position\w*|located|placed|velocity|opposite|away|camera|screen|rail"
_ABOUT_TILT = re.compile(rf"\b(?:{LEANS}|direction|side)\b|\A\W*(?:left|right)\W*\Z", re.IGNORECASE)
NEGATED = re.compile(r"\b(?:not|neither|nor|never|without|no|cannot|unable|sorry)\b|n't\b", re.IGNORECASE)
SENTENCE_END = re.compile(r"[.!?;](?=\s|$)|\n")


class SideError(Exception):
    """The side cannot be told without guessing."""


def any_of(words: Iterable[str]) -> str:
    """A pattern for any of these words, or their plurals; for none of them, one that matches nothing."""
    return "|".join(rf"{re.escape(word)}s?" for word in words) or r"(?!)"


def side_of(sentence: str, others: str, *, has_sign: bool, things: tuple[str, ...] = ()) -> int:
    """The side that an answer states for its number.

    Args:
        sentence: the number's sentence.
        others: the rest of the answer; it counts where the number's sentence names no side.
        has_sign: whether the number has a sign of its own.
        things: names of things beside the one that leans, whose sides do not count.

    Returns:
        -1, 1, or 0 for none.

    Raises:
        SideError: both sides, a negated one, one that may not be that of what leans, or one that is not
            understood.
    """
    sides = _sides(sentence, things, must_understand=not has_sign)
    if not sides:
        about_tilt = [part for part in SENTENCE_END.split(others) if _ABOUT_TILT.search(part)]
        for part in about_tilt:
            found = _sides(part, things, must_understand=False)
            if found and NEGATED.search(part):
                raise SideError("the answer negates a side")
            sides |= found
    if len(sides) == 2:
        raise SideError("the answer names both sides")
    return sides.pop() if sides else 0


def _sides(sentence: str, things: tuple[str, ...], *, must_understand: bool) -> set[int]:
    sides: set[int] = set()
    elsewhere = re.compile(rf"\b(?:{any_of(things)}|{_A_PLACE})\b", re.IGNORECASE)
    for pattern in _PATTERNS:
        for found in pattern.finditer(sentence):
            clause = _clause(sentence, found.start("side"))
            if not elsewhere.search(clause):
                sides.add(-1 if found["side"].lower().startswith(("left", "counter", "anti")) else 1)
    if not sides and must_understand and _WORD.search(_without_adverbs(sentence)):
        raise SideError("the answer names a side that may not be that of what leans")
    return sides


def _without_adverbs(sentence: str) -> str:
    """Without "right" as in "right in the middle"."""
    return re.sub(r"\bright\s+(?:in|on|at|above|now|here)\b", "", sentence, flags=re.IGNORECASE)


def _clause(sentence: str, place: int) -> str:
    """The clause around a place."""
    ends = [0, *(match.end() for match in _CLAUSE_END.finditer(sentence)), len(sentence)]
    starts = [end for end in ends if end <= place]
    stop = min(end for end in ends if end > place)
    return sentence[starts[-1] : stop]
