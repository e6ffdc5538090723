"""The wire contract: what the server's routes take and return.

Server and client both use these models, so that they cannot drift apart. Requests are in ``requests.py`` and
what the server says of itself in ``server_info.py``, both known here too; rubrics in ``rubric.py``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, Field, model_validator

from reward_client.requests import MAX_IMAGES as MAX_IMAGES  # noqa: PLC0414 - exported from here too
from reward_client.requests import MAX_TIMEOUT_S as MAX_TIMEOUT_S  # noqa: PLC0414 - exported from here too
from reward_client.requests import CompareRequest as CompareRequest  # noqa: PLC0414 - exported from here too
from reward_client.requests import Pair as Pair  # noqa: PLC0414 - exported from here too
from reward_client.requests import PartsRequest as PartsRequest  # noqa: PLC0414 - exported from here too
from reward_client.requests import ScoreQuestion as ScoreQuestion  # noqa: PLC0414 - exported from here too
from reward_client.requests import ScoreRequest as ScoreRequest  # noqa: PLC0414 - exported from here too
from reward_client.rubric import Finite, Preprocess, PreprocessOrRegion
from reward_client.server_info import JSON as JSON  # noqa: PLC0414 - exported from here too
from reward_client.server_info import MULTIPART as MULTIPART  # noqa: PLC0414 - exported from here too
from reward_client.server_info import Limits as Limits  # noqa: PLC0414 - exported from here too
from reward_client.server_info import ModelCard as ModelCard  # noqa: PLC0414 - exported from here too
from reward_client.server_info import RewardBounds as RewardBounds  # noqa: PLC0414 - exported from here too
from reward_client.server_info import RubricDetail as RubricDetail  # noqa: PLC0414 - exported from here too
from reward_client.server_info import RubricEntry as RubricEntry  # noqa: PLC0414 - exported from here too
from reward_client.server_info import RubricInfo as RubricInfo  # noqa: PLC0414 - exported from here too
from reward_client.server_info import RubricList as RubricList  # noqa: PLC0414 - exported from here too
from reward_client.server_info import ServerInfo as ServerInfo  # noqa: PLC0414 - exported from here too


class ItemStatus(StrEnum):
    """Why an item has a reward, or has none."""

    OK = "ok"
    UNPARSABLE = "unparsable"
    LOW_LABEL_MASS = "low_label_mass"
    INVALID_FRAME = "invalid_frame"
    FAILED = "failed"


class ReadingInfo(BaseModel):
    """What one readout makes of an answer. ``value`` is null where it cannot read it, or has none."""

    value: Finite | None = None
    label: str | None = None
    probabilities: dict[str, Finite] | None = None
    label_mass: Finite | None = None
    message: str | None = None


class Explanation(BaseModel):
    """What the model says when it may answer in text, and every readout that applies."""

    text: str
    truncated: bool
    readouts: dict[str, ReadingInfo]


def _is_unset(value: object) -> bool:
    return value is None


class RewardItem(BaseModel):
    """The reward of one image. ``reward`` is null exactly when ``status`` is not ``ok``.

    Attributes:
        image_sha256: of the image file that the item is about, or of the height x width x 3 bytes of a frame
            that came as an array, as hexadecimal digits; null where there was no base64.
        spread: of an ensemble: the standard deviation of the rewards whose mean the reward is.
        readings: of an ensemble: the items of its rubrics, in order.
    """

    index: int
    object: Literal["reward"] = "reward"
    image_sha256: str | None = None
    reward: Finite | None
    status: ItemStatus
    message: str | None = None
    value: Finite | None = None
    unit: str | None = None
    text: str | None = None
    probabilities: dict[str, Finite] | None = None
    label_mass: Finite | None = None
    explanation: Explanation | None = None
    # left out of all other answers, so that these are what they were
    spread: Finite | None = Field(default=None, exclude_if=_is_unset)
    readings: list[RewardItem] | None = Field(default=None, exclude_if=_is_unset)

    @model_validator(mode="after")
    def _null_exactly_when_not_ok(self) -> RewardItem:
        if (self.reward is None) == (self.status is ItemStatus.OK):
            raise ValueError(f"reward {self.reward} does not go with the status {self.status.value!r}")
        return self


def _sum(first: float | None, second: float | None) -> Any:
    return None if first is None or second is None else first + second


class Usage(BaseModel):
    """What a request cost. Images whose answers were cached cost no tokens, and hardly any time.

    Attributes:
        engine_s: the request's share of the time in which the engine worked, in seconds: N questions that are
            under way at once share it alike, so that all requests' shares add up to that time. Of a server
            with one GPU these are at most GPU seconds: the way to the engine and back counts too. Null: the
            server does not say.
    """

    images: int
    cached_images: int = 0
    prompt_tokens: int
    completion_tokens: int
    engine_s: float | None = None

    def plus(self, other: Usage) -> Usage:
        """The cost of both. What one of them does not say is not known of both."""
        return Usage(**{name: _sum(value, getattr(other, name)) for name, value in self})


class Timings(BaseModel):
    """Where a request's time went. ``engine_s`` is what it waited for the engine, beside other requests."""

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
    preprocess: PreprocessOrRegion = Preprocess.PAD
    input_size_px: int | None = None
    data: list[RewardItem]
    usage: Usage
    timings: Timings


class AskedRubric(BaseModel):
    """One of the rubrics of a request.

    Attributes:
        name: that it was asked by; null for one of the client's own.
        reward_id: of its rewards; null where the model cannot be asked it.
        unavailable: why it cannot.
    """

    name: str | None
    reward_id: str | None
    unavailable: str | None = None


class ImageReadings(BaseModel):
    """What each rubric of a request makes of one image.

    Attributes:
        readings: one item for each rubric, in the request's order. All have the image's index.
    """

    index: int
    object: Literal["readings"] = "readings"
    image_sha256: str | None = None
    readings: list[RewardItem]


class ReadingsResponse(BaseModel):
    """Answer of ``POST /score`` with ``rubrics``; ``data`` has one entry per image, in the request's order.

    An image has no reward of its own here: each rubric has one, with its own reward id.

    Attributes:
        rubrics: what was asked, in the request's order.
    """

    id: str
    object: Literal["list"] = "list"
    created: int
    model: str
    rubrics: list[AskedRubric]
    preprocess: PreprocessOrRegion
    input_size_px: int
    data: list[ImageReadings]
    usage: Usage
    timings: Timings

    def items(self, place: int) -> list[RewardItem]:
        """The items of one rubric, one per image.

        Args:
            place: of the rubric in the request.
        """
        return [image.readings[place] for image in self.data]


Place = Literal["first", "second"]


class Ordering(BaseModel):
    """The answer to one order of a pair.

    Attributes:
        shown_first: which image of the pair was shown first (on the left, where both are in one).
        probability: of the pair's first image, among the two labels.
    """

    shown_first: Place
    preference: Place | None
    probability: Finite
    text: str
    probabilities: dict[str, Finite]
    label_mass: Finite


class ComparisonItem(BaseModel):
    """Which image of one pair better fits the goal.

    Attributes:
        preference: the image with the higher mean probability over both orders; null where the
            status is not ``ok``, or both are equal.
        probability: mean over both orders of the probability of the first image.
        consistent: whether both orders prefer the same image. A model that answers by position is
            never consistent.
        orders: the answers to both orders, the order as sent first.
        first_sha256: of the pair's first image file, as ``RewardItem.image_sha256``.
        second_sha256: of its second one.
    """

    index: int
    object: Literal["comparison"] = "comparison"
    first_sha256: str | None = None
    second_sha256: str | None = None
    preference: Place | None
    probability: Finite | None = None
    consistent: bool | None = None
    status: ItemStatus
    message: str | None = None
    orders: list[Ordering] = []


class CompareResponse(BaseModel):
    """Answer of ``POST /compare``; ``data`` has one item per pair, in the request's order."""

    id: str
    object: Literal["list"] = "list"
    created: int
    model: str
    reward_id: str
    preprocess: PreprocessOrRegion
    input_size_px: int
    composed: bool = Field(description="Whether both images were shown to the model as one, side by side.")
    data: list[ComparisonItem]
    usage: Usage
    timings: Timings


class ErrorBody(BaseModel):
    """What is wrong with a whole request."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorResponse(BaseModel):
    """Body of every answer with an error status."""

    error: ErrorBody
