"""The wire contract: what ``POST /score`` and ``GET /info`` take and return.

Server and client both use these models, so that they cannot drift apart. Limits that depend on the
server's settings (images a request, bytes, pixels) are not here; ``/info`` reports them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)

MAX_LABELS = 128
"""vLLM reads the probabilities of at most this many tokens in one request."""

MAX_PROMPT_CHARS = 4096

Label = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ExpectationReadout(_Strict):
    """Expected value over labels that are numbers, from one forward pass."""

    type: Literal["expectation"]
    labels: list[Label] = Field(min_length=2, max_length=MAX_LABELS)
    min_label_mass: float = Field(default=0.5, ge=0.0, le=1.0)

    @model_validator(mode="after")
    def _labels_are_distinct_numbers(self) -> ExpectationReadout:
        for label in self.labels:
            if not label.lstrip("-").replace(".", "", 1).isdecimal() or not label.isascii():
                raise ValueError(f"labels: {label!r} is not a decimal number such as -12 or 0.5")
        if len({float(label) for label in self.labels}) < len(self.labels):
            raise ValueError("labels: two labels are the same number")
        return self


class YesNoReadout(_Strict):
    """P(yes) / (P(yes) + P(no)), from one forward pass."""

    type: Literal["yes_no"]
    yes: Label = "Yes"
    no: Label = "No"
    min_label_mass: float = Field(default=0.5, ge=0.0, le=1.0)

    @model_validator(mode="after")
    def _labels_differ(self) -> YesNoReadout:
        if self.yes == self.no:
            raise ValueError("no: must differ from yes")
        return self

    @property
    def labels(self) -> list[str]:
        """Both labels, yes first."""
        return [self.yes, self.no]


class ChoiceReadout(_Strict):
    """Probabilities over named labels, from one forward pass; it has no value of its own."""

    type: Literal["choice"]
    labels: list[Label] = Field(min_length=2, max_length=MAX_LABELS)
    min_label_mass: float = Field(default=0.5, ge=0.0, le=1.0)

    @model_validator(mode="after")
    def _labels_are_distinct(self) -> ChoiceReadout:
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("labels: two labels are the same")
        return self


Readout = Annotated[ExpectationReadout | YesNoReadout | ChoiceReadout, Field(discriminator="type")]


class DistanceMap(_Strict):
    """``1 - min(|value - target| / tolerance, 1)``: 1 at the target, 0 from the tolerance on."""

    type: Literal["distance"]
    target: Finite
    tolerance: Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class ProbabilityMap(_Strict):
    """The value itself, for readouts whose value is a probability."""

    type: Literal["probability"]


class WeightsMap(_Strict):
    """Sum of each label's probability times its weight."""

    type: Literal["weights"]
    weights: dict[Label, Finite] = Field(min_length=1, max_length=MAX_LABELS)


RewardMap = Annotated[DistanceMap | ProbabilityMap | WeightsMap, Field(discriminator="type")]


class Rubric(_Strict):
    """A question with its readout and its reward map."""

    prompt: str = Field(min_length=1, max_length=MAX_PROMPT_CHARS)
    readout: Readout
    reward: RewardMap
    unit: str | None = Field(default=None, max_length=16)

    @model_validator(mode="after")
    def _reward_fits_readout(self) -> Rubric:
        fitting = {"expectation": "distance", "yes_no": "probability", "choice": "weights"}
        wanted = fitting[self.readout.type]
        if self.reward.type != wanted:
            raise ValueError(
                f"reward: the map {self.reward.type!r} does not fit the readout "
                f"{self.readout.type!r}, which takes {wanted!r}"
            )
        if isinstance(self.reward, WeightsMap) and set(self.reward.weights) != set(self.readout.labels):
            raise ValueError("reward: weights must name exactly the readout's labels")
        return self


class Preprocess(StrEnum):
    """How a frame becomes the model's square input."""

    PAD = "pad"


def _rubric_tag(value: Any) -> str:
    return "name" if isinstance(value, str) else "inline"


class ScoreRequest(_Strict):
    """Body of ``POST /score``."""

    images: list[str] = Field(min_length=1, description="Base64 of PNG or JPEG bytes, no data: prefix.")
    rubric: Annotated[
        Annotated[str, Tag("name")] | Annotated[Rubric, Tag("inline")], Discriminator(_rubric_tag)
    ] = Field(description="Name of a rubric of the server, or a rubric of one's own.")
    preprocess: Preprocess = Preprocess.PAD


class ItemStatus(StrEnum):
    """Why an item has a reward, or has none."""

    OK = "ok"
    UNPARSABLE = "unparsable"
    LOW_LABEL_MASS = "low_label_mass"
    INVALID_FRAME = "invalid_frame"
    FAILED = "failed"


class RewardItem(BaseModel):
    """The reward of one image. ``reward`` is null exactly when ``status`` is not ``ok``."""

    index: int
    object: Literal["reward"] = "reward"
    reward: Finite | None
    status: ItemStatus
    message: str | None = None
    value: Finite | None = None
    unit: str | None = None
    text: str | None = None
    probabilities: dict[str, Finite] | None = None
    label_mass: Finite | None = None

    @model_validator(mode="after")
    def _null_exactly_when_not_ok(self) -> RewardItem:
        if (self.reward is None) == (self.status is ItemStatus.OK):
            raise ValueError(f"reward {self.reward} does not go with the status {self.status.value!r}")
        return self


class Usage(BaseModel):
    """What a request cost."""

    images: int
    prompt_tokens: int
    completion_tokens: int


class Timings(BaseModel):
    """Where a request's time went."""

    queue_s: float
    decode_s: float
    engine_s: float


class ScoreResponse(BaseModel):
    """Answer of ``POST /score``; ``data`` has one item per image, in the request's order."""

    id: str
    object: Literal["list"] = "list"
    created: int
    model: str
    reward_id: str
    data: list[RewardItem]
    usage: Usage
    timings: Timings


class RubricInfo(BaseModel):
    """One rubric of the server; ``unavailable`` says why this model cannot answer it."""

    reward_id: str | None
    unavailable: str | None = None


class Limits(BaseModel):
    """What the server accepts."""

    max_images_per_request: int
    max_body_bytes: int
    max_image_pixels: int
    max_aspect_ratio: float


class ServerInfo(BaseModel):
    """Answer of ``GET /info``."""

    model: str
    revision: str | None
    dtype: str
    device: str
    engine: str
    input_size_px: int
    rubrics: dict[str, RubricInfo]
    limits: Limits


class ErrorBody(BaseModel):
    """What is wrong with a whole request."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorResponse(BaseModel):
    """Body of every answer with an error status."""

    error: ErrorBody
