"""Takes out of an answer what states no value: names of pictures, enumerators, scales, confidences, dates.

Pure functions. Not for the numbers that are left (``quantities_in_text.py``).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from reward_server.reading.quantities_in_text import UnclearError, find_quantities, is_stated
from reward_server.reading.units import PERCENT, PROBABILITY, Unit, Wanted

_NAMED = re.compile(
    r"\b(?:images?|frames?|pictures?|figures?|steps?|cameras?|views?|version|number|no\.)\s*#?[0-9]+(?:\.[0-9]+)*\b|"
    r"#[0-9]+\b",
    re.IGNORECASE,
)
_ENUMERATOR = re.compile(r"^\s*([0-9]+)[.)]\s+(?=[A-Za-z])", re.MULTILINE)
_MONTH = r"(?-i:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?"
_DATE = (
    rf"(?:[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}|[0-9]{{1,2}}[/.][0-9]{{1,2}}[/.][0-9]{{2,4}}|"
    rf"{_MONTH}\s+[0-9]{{1,2}}(?:[a-z]{{2}})?(?:,?\s+[0-9]{{4}})?|[0-9]{{1,2}}\s+{_MONTH}(?:\s+[0-9]{{4}})?)"
)
_ASIDE = re.compile(
    r"\b(?:i\s+am|i'm|with)?\s*[0-9.]+\s?(?:%|percent|per\s+cent)\s+(?:sure|certain|confident|confidence)(?:\s+that)?\b|"
    r"\b(?:my\s+|the\s+)?confidence(?:\s+(?:level|score|is|of))*\s*[:=]?\s*(?:about\s+)?[0-9]*\.?[0-9]+(?:\s?%)?|"
    r"\b(?:at|around|by)\s+[0-9]{1,2}:[0-9]{2}\b|\b[0-9]{1,2}:[0-9]{2}\s?[ap]m\b|"
    rf"\b(?:on|in|at|by|of)\s+{_DATE}(?![0-9])",
    re.IGNORECASE,
)
_SCALE_PHRASE = re.compile(
    r"\b(?:(?:on|using|in|with|by)\s+)?(?:(?:a|the|this)\s+)?(?:rating\s+)?scale\s+(?:of|from)\s+"
    r"(?:[0-9]+(?:\s*(?:to|through|-)\s*))?(?P<top>[0-9]+)\b|"
    r"\(\s*[01]\s*(?:-|to)\s*(?P<top_in_brackets>[0-9]+)\s*\)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Answer:
    """What is left of an answer.

    Attributes:
        text: one kind of dash, no bold face, and nothing that states no value.
        top: the highest number of the scale that the answer names; None for none.
        may_be_numbered: whether it begins with a "1." that is a list's, or the answer.
    """

    text: str
    top: float | None
    may_be_numbered: bool


def without_asides(text: str, wanted: Wanted) -> Answer:
    """Takes out what states no value; confidences, times and dates only where another number is left.

    Args:
        text: what the model generated.
        wanted: the rubric's unit.

    Raises:
        UnclearError: the answer names another scale than the rubric.
    """
    text = "".join("-" if (unicodedata.category(c) == "Pd" and c != "—") or c in "−⁻" else c for c in text)
    text = _NAMED.sub(" ", text.replace("**", "").replace("`", ""))
    text, may_be_numbered = _without_enumerators(text)
    tops = [float(found["top"] or found["top_in_brackets"]) for found in _SCALE_PHRASE.finditer(text)]
    wanted_top = _top(wanted)
    if tops and wanted_top != tops[0] and (wanted.is_known or wanted.scale is not None):
        raise UnclearError(
            f"the answer is on a scale to {tops[0]:g}, which is not the rubric's {wanted.name!r}"
        )
    text = _SCALE_PHRASE.sub(" ", text)
    rest = _ASIDE.sub(" ", text)
    left = find_quantities(rest, wanted)
    is_left = bool(left) if wanted.unit else any(is_stated(rest, number) for number in left)
    is_never_meant = wanted.is_known and wanted.unit != Unit(PROBABILITY)
    return Answer(rest if is_left or is_never_meant else text, tops[0] if tops else None, may_be_numbered)


def _top(wanted: Wanted) -> float | None:
    """The highest number of the rubric's scale."""
    if wanted.unit is None:
        return wanted.scale
    return {PERCENT: 100.0, PROBABILITY: 1.0}.get(wanted.unit.dimension)


def _without_enumerators(text: str) -> tuple[str, bool]:
    """A text without the numbers of a list, and whether a lone "1." at its start was taken for one."""
    found: list[int] = []

    def blank(enumerator: re.Match[str]) -> str:
        if int(enumerator[1]) != len(found) + 1:
            return enumerator[0]  # "7. The drawer is nearly closed."
        found.append(enumerator.start())
        return " " if enumerator.start() == 0 else "\n "

    text = _ENUMERATOR.sub(blank, text)
    return text, found == [0]
