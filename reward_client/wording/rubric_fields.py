"""What the fields of a rubric may hold: texts without tricks, and the knots of a correction.

Not for rubrics themselves (``rubric.py``).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

MAX_PROMPT_CHARS = 4096
MAX_GOAL_CHARS = 512
MAX_KNOTS = 64
MAX_KNOT = 1e12
"""Size of a number in a knot: the difference of two is finite and exact enough to divide by."""


def visible(text: str) -> str:
    """Checks that a text has something to see, and no character that hides or breaks it.

    Raises:
        ValueError: it is blank, or holds a control character or a lone surrogate.
    """
    if not text.strip():
        raise ValueError("must not be blank")
    for character in text:
        code = ord(character)
        if (code < 32 and character not in "\n\t") or code == 127:
            raise ValueError(f"must not hold the control character U+{code:04X}")
        if 0xD800 <= code <= 0xDFFF:
            raise ValueError(f"must not hold the lone surrogate U+{code:04X}")
    return text


def _trimmed(text: str) -> str:
    if text != text.strip():
        raise ValueError("must not begin or end with white space")
    return text


def _stated(text: str) -> str:
    if not text.strip(".?! "):
        raise ValueError("must say something")
    return text


def _monotone(knots: list[tuple[float, float]]) -> list[tuple[float, float]]:
    for (read, true), (next_read, next_true) in pairwise(knots):
        if not read < next_read:
            raise ValueError(f"what is read must rise from knot to knot, and {next_read:g} follows {read:g}")
        if next_true < true:
            raise ValueError(
                f"what is true must not fall from knot to knot, and {next_true:g} follows {true:g}"
            )
    return knots


Prompt = Annotated[str, Field(min_length=1, max_length=MAX_PROMPT_CHARS), AfterValidator(visible)]
Goal = Annotated[
    str, Field(min_length=1, max_length=MAX_GOAL_CHARS), AfterValidator(visible), AfterValidator(_stated)
]
Label = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    AfterValidator(visible),
    AfterValidator(_trimmed),
]
Noun = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z -]*$", max_length=32)]
_Knot = Annotated[float, Field(ge=-MAX_KNOT, le=MAX_KNOT, allow_inf_nan=False)]
Correction = Annotated[
    list[tuple[_Knot, _Knot]],
    Field(min_length=2, max_length=MAX_KNOTS),
    AfterValidator(_monotone),
]
