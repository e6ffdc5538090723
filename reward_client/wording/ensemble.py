"""An ensemble: several rubrics whose rewards' mean is one reward, such as one question in several wordings.

It stands where a request names its rubric. Not for how the mean is taken (``reward_server/reading``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Discriminator, FailFast, Field, Tag, model_validator

from reward_client.rubric import Rubric, RubricOrName, Strict

MAX_RUBRICS = 16
"""Of one request, and of one ensemble."""

MAX_QUESTIONS = 32
"""Rubrics that one image may be asked about in a request, those of ensembles included."""


class Ensemble(Strict):
    """Rubrics whose rewards' mean is the reward.

    Attributes:
        version: raised by its author when it changes.
        mean_of: the rubrics: names of the server's, or rubrics of one's own.
        min_rewards: how many of them must give a reward; the mean is over those that do. None: all.
    """

    version: int = Field(default=1, ge=1)
    mean_of: Annotated[list[RubricOrName], FailFast()] = Field(min_length=2, max_length=MAX_RUBRICS)
    min_rewards: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _has_so_many(self) -> Ensemble:
        if self.min_rewards is not None and self.min_rewards > len(self.mean_of):
            raise ValueError(f"min_rewards: it is {self.min_rewards}, and mean_of has {len(self.mean_of)}")
        return self

    @property
    def needed(self) -> int:
        """How many rewards must be there."""
        return len(self.mean_of) if self.min_rewards is None else self.min_rewards


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "name"
    has_mean = isinstance(value, Ensemble) or (isinstance(value, dict) and "mean_of" in value)
    return "ensemble" if has_mean else "inline"


AnyRubric = Annotated[
    Annotated[str, Tag("name")] | Annotated[Rubric, Tag("inline")] | Annotated[Ensemble, Tag("ensemble")],
    Discriminator(_kind),
]
"""What a request may ask: a rubric of the server by its name, one of its own, or an ensemble."""


def members(rubric: AnyRubric) -> Sequence[RubricOrName]:
    """The rubrics that an image is asked about: this one, or those of an ensemble."""
    return rubric.mean_of if isinstance(rubric, Ensemble) else [rubric]


def check_questions(rubrics: Sequence[AnyRubric]) -> None:
    """Raises a ValueError where a request would ask too many questions about each image."""
    questions = sum(len(members(one)) for one in rubrics)
    if questions > MAX_QUESTIONS:
        raise ValueError(
            f"rubrics: with those of ensembles {questions} are asked about each image; the limit is "
            f"{MAX_QUESTIONS}"
        )
