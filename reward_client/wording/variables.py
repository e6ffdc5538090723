"""What fills the places of a prompt: one mapping for each image of a request.

A mapping that is none, or has values of a wrong type, is an error of its whole request. What is wrong with a
value's text is a matter of its image alone. Not for the places (``prompt_template.py``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from reward_client.wording.prompt_template import MAX_PLACES
from reward_client.wording.rubric_fields import visible

MAX_VALUE_CHARS = 2000
"""Of one value: a caption takes up to a few hundred."""


Value = str | int | float
"""Of a variable, as a caller passes it."""


def _as_text(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be a text or a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a finite number")
    return str(value)


def _few(value: Any) -> Any:
    if isinstance(value, dict) and len(value) > MAX_PLACES:
        raise ValueError(f"must have at most {MAX_PLACES} entries")
    return value


_Value = Annotated[
    str, PlainValidator(_as_text), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}]})
]
Variables = Annotated[dict[str, _Value], Field(max_length=MAX_PLACES), BeforeValidator(_few)]
"""Values by the names of the places that they fill. Numbers become text as Python writes them."""


def trouble_with(value: str) -> str | None:
    """Why a value cannot be put into a prompt; None where it can."""
    if len(value) > MAX_VALUE_CHARS:
        return f"has {len(value)} characters; the limit is {MAX_VALUE_CHARS}"
    try:
        visible(f"-{value}")  # a blank one may be put in: a policy may have written nothing
    except ValueError as error:
        return str(error)
    return None


def names_differ(names: Sequence[str], variables: Mapping[str, str]) -> tuple[str, str] | None:
    """The first name that is missing or unknown, and what is wrong with it; None where all are right.

    Args:
        names: of the places that are to be filled.
        variables: what is there.
    """
    for name in names:
        if name not in variables:
            return name, "is missing; the prompt has a place for it"
    for name in variables:
        if name not in names:
            known = ", ".join(names) or "none"
            shown = name[:64].encode("ascii", "backslashreplace").decode()  # it may be no text at all
            return shown, f"is unknown; the prompt's places are: {known}"
    return None
