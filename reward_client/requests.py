"""What clients send: the bodies of ``POST /score`` and ``POST /compare``.

Answers are in ``schema.py``, rubrics in ``rubric.py``. Limits that depend on the server's settings (images a
request, bytes, pixels) are not here; ``/info`` reports them.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import FailFast, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from reward_client.rubric import Preprocess, PreprocessOrRegion, RubricOrName, Strict
from reward_client.wording.ensemble import MAX_RUBRICS, AnyRubric, check_questions, members
from reward_client.wording.variables import Variables

MAX_IMAGES = 4096
"""In any request; a server's own limit is lower (``Limits``)."""

MAX_TIMEOUT_S = 3600.0
"""The longest deadline that a request may name."""

_IMAGE = "Base64 of PNG or JPEG bytes, no data: prefix."
Timeout = Annotated[
    float | None,
    Field(
        gt=0.0,
        le=MAX_TIMEOUT_S,
        allow_inf_nan=False,
        description="Deadline in seconds, waiting included; 504 past it, and 503 at once where the server "
        "expects that. Default: the server's.",
    ),
]


class ScoreQuestion(Strict):
    """What ``POST /score`` is asked about its images."""

    rubric: AnyRubric | None = Field(
        default=None, description="Name of a rubric of the server, a rubric of one's own, or an ensemble."
    )
    rubrics: list[AnyRubric] | None = Field(
        default=None,
        fail_fast=True,
        min_length=1,
        max_length=MAX_RUBRICS,
        description="In place of rubric: several, each asked about every image. The answer is a "
        "ReadingsResponse.",
    )
    variables: list[Variables] | None = Field(
        default=None,
        fail_fast=True,
        max_length=MAX_IMAGES,
        description="One mapping for each image, in order: what fills the places, such as {text}, of the "
        "prompts. Needed where a prompt has places.",
    )
    preprocess: PreprocessOrRegion = Preprocess.PAD
    explain: bool = Field(
        default=False, description="Also generate the model's answer as text, and read it in every way."
    )
    timeout_s: Timeout = None

    @model_validator(mode="after")
    def _asks_one_or_several(self) -> ScoreQuestion:
        if self.rubric is None and self.rubrics is None:
            missing = InitErrorDetails(type="missing", loc=("rubric",), input={})
            raise ValidationError.from_exception_data("ScoreQuestion", [missing])
        if self.rubric is not None and self.rubrics is not None:
            raise ValueError("rubrics: send either rubric or rubrics")
        check_questions(self.asked)
        return self

    @property
    def asked(self) -> list[AnyRubric]:
        """What is asked about each image."""
        return [*([] if self.rubric is None else [self.rubric]), *(self.rubrics or [])]

    @property
    def questions(self) -> int:
        """How many rubrics an image is asked about, those of ensembles included."""
        return sum(len(members(one)) for one in self.asked)


class ScoreRequest(ScoreQuestion):
    """Body of ``POST /score`` as JSON."""

    images: Annotated[list[str], FailFast()] = Field(min_length=1, max_length=MAX_IMAGES, description=_IMAGE)


class PartsRequest(ScoreQuestion):
    """The part ``request`` of ``POST /score`` as ``multipart/form-data``; the images are other parts."""

    fitted_px: int | None = Field(
        default=None,
        ge=1,
        description="Of the part frames: they were brought to squares of this side as preprocess says, with "
        "the server's own code. It must be the server's input_size_px.",
    )


class Pair(Strict):
    """Two images to compare."""

    first: str = Field(description=_IMAGE)
    second: str = Field(description=_IMAGE)


class CompareRequest(Strict):
    """Body of ``POST /compare``."""

    pairs: Annotated[list[Pair], FailFast()] = Field(min_length=1, max_length=MAX_IMAGES)
    rubric: RubricOrName = Field(description="A rubric that has a goal.")
    preprocess: PreprocessOrRegion = Preprocess.PAD
    timeout_s: Timeout = None
