"""A rubric as a caller passes it, which may be a plain dictionary; what is wrong with it is told by field.

Not for what a rubric may hold (``rubric.py``, ``ensemble.py``) or for files (``files/rubric_file.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from reward_client.rubric import Rubric, field_path
from reward_client.wording.ensemble import MAX_RUBRICS, AnyRubric, Ensemble, check_questions

GivenRubric = AnyRubric | Mapping[str, Any]
"""A rubric's name, a ``Rubric``, an ``Ensemble``, or the fields of one of the last two, as they go on the
wire."""

_ANY: TypeAdapter[AnyRubric] = TypeAdapter(AnyRubric)


class RubricContentError(ValueError):
    """A rubric's content is wrong; the message names the field.

    Attributes:
        param: the field, such as ``rubric.readout.labels``; None where the content as a whole is no rubric.
    """

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


def checked_rubric(given: GivenRubric, *place: str | int) -> AnyRubric:
    """A rubric of what a caller passes.

    >>> checked_rubric({"prompt": "Is the drawer open?", "readout": {"type": "yes_no"}})
    Traceback (most recent call last):
    reward_client.wording.given_rubric.RubricContentError: rubric.reward: Field required

    Args:
        given: a name or an object of ours stays as it is; a mapping is checked.
        place: where it stands, for messages: ``"rubrics", 2``, say; none: ``rubric``.

    Raises:
        RubricContentError: it is of another type, or a field of the mapping is missing, unknown or wrong.
    """
    place = place or ("rubric",)
    if isinstance(given, str | Rubric | Ensemble):
        return given
    if not isinstance(given, Mapping):
        where = field_path(place, "")
        raise RubricContentError(
            f"{where} is of type {type(given).__name__}; pass a rubric's name, a Rubric, an Ensemble, or a "
            "dictionary of its fields",
            param=where,
        )
    try:
        return _ANY.validate_python(dict(given))
    except ValidationError as error:
        raise content_error(error, place) from error


def several(rubrics: Sequence[GivenRubric]) -> tuple[AnyRubric, ...]:
    """The rubrics of one request, as a caller passes them.

    Raises:
        ValueError: they are none, too many, no list, or one of them is none; or they ask too much
            with those of ensembles.
    """
    if not isinstance(rubrics, list | tuple):
        raise ValueError(f"rubrics is of type {type(rubrics).__name__}; pass a list of rubrics")
    if not 1 <= len(rubrics) <= MAX_RUBRICS:
        raise ValueError(f"there are {len(rubrics)} rubrics; pass 1 to {MAX_RUBRICS}")
    asked = tuple(checked_rubric(one, "rubrics", place) for place, one in enumerate(rubrics))
    check_questions(asked)
    return asked


def content_error(error: ValidationError, place: Sequence[str | int]) -> RubricContentError:
    """The first of pydantic's errors, with the field's path behind the place.

    Args:
        error: of a rubric or an ensemble.
        place: where that stands.
    """
    first = error.errors(include_url=False)[0]
    path = field_path((*place, *first["loc"]), first["msg"]) or "rubric"
    message = first["msg"].removeprefix("Value error, ")
    return RubricContentError(f"{path}: {message}", param=path)
