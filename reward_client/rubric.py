"""A rubric: what the model is asked, how its answer is read, and how the reading becomes a reward.

Also how a frame becomes the model's input. All of it travels on the wire; requests and answers are in
``schema.py``, and nothing here computes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    FailFast,
    Field,
    Tag,
    model_validator,
)

from reward_client.wording.rubric_fields import Correction, Goal, Label, Noun, Prompt, visible

MAX_LABELS = 128
"""vLLM reads the probabilities of at most this many tokens in one forward pass."""

MAX_ANSWER_TOKENS = 256
MAX_NOUNS = 16
MAX_FIELDS = 32

_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")

Finite = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]


class Strict(BaseModel):
    """Base of all that a client sends: unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _has_few_fields(cls, value: Any) -> Any:
        if isinstance(value, dict) and len(value) > MAX_FIELDS:  # each unknown one would be an error
            raise ValueError("too many fields")
        return value


def _is_unset(value: object) -> bool:
    return value is None


class NumberReadout(Strict):
    """The number in a generated text, by one of the grammars in the documentation.

    ``plain``: a number with its own sign. ``signed_angle``: the angle of something that leans, where a side
    counts as a sign; left is negative.

    Attributes:
        leaning: names of what leans, for ``signed_angle``.
        things: names of other things in the picture, whose sides and angles are not meant.
    """

    type: Literal["number"]
    grammar: Literal["plain", "signed_angle"] = "plain"
    leaning: list[Noun] = Field(default=[], max_length=MAX_NOUNS)
    things: list[Noun] = Field(default=[], max_length=MAX_NOUNS)
    max_tokens: int = Field(default=48, ge=1, le=MAX_ANSWER_TOKENS)

    @model_validator(mode="after")
    def _words_go_with_their_grammar(self) -> NumberReadout:
        if self.grammar == "plain" and (self.leaning or self.things):
            raise ValueError("grammar: leaning and things go with 'signed_angle'")
        return self

    @property
    def labels(self) -> list[str]:
        """None: the answer is free text."""
        return []


class _ReadLabels(Strict):
    """Base of the readouts whose answer is read as label probabilities.

    Attributes:
        max_entropy: above this entropy of the probabilities among the labels, as a share of the highest one
            possible, there is no reward; None for no limit. 0 is sure of one label, 1 is all labels alike.
    """

    # Left out where it is not set: older clients know no such field, and reward ids stay as they were.
    max_entropy: Share | None = Field(default=None, exclude_if=_is_unset)

    @property
    def max_tokens(self) -> int:
        """The longest answer that is generated: one token is enough."""
        return 1


class ExpectationReadout(_ReadLabels):
    """Expected value over labels that are numbers, from one forward pass."""

    type: Literal["expectation"]
    labels: Annotated[list[Label], FailFast()] = Field(min_length=2, max_length=MAX_LABELS)
    min_label_mass: Share = 0.5

    @model_validator(mode="after")
    def _labels_are_distinct_numbers(self) -> ExpectationReadout:
        for label in self.labels:
            if not _DECIMAL.fullmatch(label):
                raise ValueError(f"labels: {label!r} is not a decimal number such as -12 or 0.5")
        if len({float(label) for label in self.labels}) < len(self.labels):
            raise ValueError("labels: two labels are the same number")
        return self


class YesNoReadout(_ReadLabels):
    """P(yes) / (P(yes) + P(no)), from one forward pass."""

    type: Literal["yes_no"]
    yes: Label = "Yes"
    no: Label = "No"
    min_label_mass: Share = 0.5

    @model_validator(mode="after")
    def _labels_differ(self) -> YesNoReadout:
        if self.yes == self.no:
            raise ValueError("no: must differ from yes")
        return self

    @property
    def labels(self) -> list[str]:
        """Both labels, yes first."""
        return [self.yes, self.no]


class ChoiceReadout(_ReadLabels):
    """Probabilities over named labels, from one forward pass; it has no value of its own."""

    type: Literal["choice"]
    labels: Annotated[list[Label], FailFast()] = Field(min_length=2, max_length=MAX_LABELS)
    min_label_mass: Share = 0.5

    @model_validator(mode="after")
    def _labels_are_distinct(self) -> ChoiceReadout:
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("labels: two labels are the same")
        return self


LabelReadout = ExpectationReadout | YesNoReadout | ChoiceReadout
Readout = Annotated[NumberReadout | LabelReadout, Field(discriminator="type")]


def _few_entries(value: Any) -> Any:
    if isinstance(value, dict) and len(value) > MAX_LABELS:
        raise ValueError(f"must have at most {MAX_LABELS} entries")
    return value


class Map(Strict):
    """Base of the reward maps. ``clip`` is applied last: the reward is kept in [low, high]."""

    clip: tuple[Finite, Finite] | None = None

    @model_validator(mode="after")
    def _clip_is_a_range(self) -> Map:
        if self.clip is not None and not self.clip[0] < self.clip[1]:
            raise ValueError("clip: the first number must be less than the second")
        return self


class DistanceMap(Map):
    """1 at the target, less with the distance d = abs(value - target).

    ``linear``: 1 - min(d / tolerance, 1). ``quadratic``: 1 - min(d / tolerance, 1)^2. ``gaussian``:
    exp(-(d / tolerance)^2 / 2), so that the tolerance is a standard deviation.
    """

    type: Literal["distance"]
    target: Finite
    tolerance: Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
    shape: Literal["linear", "quadratic", "gaussian"] = "linear"


class ProbabilityMap(Map):
    """The value itself, for readouts whose value is a probability."""

    type: Literal["probability"]


class WeightsMap(Map):
    """Sum of each label's probability times its weight."""

    type: Literal["weights"]
    weights: Annotated[
        dict[Label, Finite], Field(min_length=1, max_length=MAX_LABELS), BeforeValidator(_few_entries)
    ]


class AffineMap(Map):
    """``scale * value + offset``."""

    type: Literal["affine"]
    scale: Finite
    offset: Finite = 0.0


RewardMap = Annotated[DistanceMap | ProbabilityMap | WeightsMap | AffineMap, Field(discriminator="type")]

_FITTING = {
    "number": ("distance", "affine"),
    "expectation": ("distance", "affine"),
    "yes_no": ("probability", "affine"),
    "choice": ("weights",),
}


class Rubric(Strict):
    """A question with its readout and its reward map.

    Attributes:
        version: raised by its author when it changes.
        goal: what a good frame shows, for comparing two of them.
        correction: from the value that was read to the true one, as knots ``[read, true]``: straight between
            two knots, and level beyond the first and the last one. It comes before the reward map.
    """

    version: int = Field(default=1, ge=1)
    prompt: Prompt
    readout: Readout
    reward: RewardMap
    unit: Annotated[str, Field(min_length=1, max_length=16), AfterValidator(visible)] | None = None
    goal: Goal | None = None
    correction: Correction | None = Field(default=None, exclude_if=_is_unset)  # as max_entropy

    @model_validator(mode="after")
    def _reward_fits_readout(self) -> Rubric:
        wanted = _FITTING[self.readout.type]
        if self.reward.type not in wanted:
            raise ValueError(
                f"reward: the map {self.reward.type!r} does not fit the readout "
                f"{self.readout.type!r}, which takes {' or '.join(map(repr, wanted))}"
            )
        if isinstance(self.reward, WeightsMap) and set(self.reward.weights) != set(self.readout.labels):
            raise ValueError("reward: weights must name exactly the readout's labels")
        return self

    @model_validator(mode="after")
    def _correction_fits_readout(self) -> Rubric:
        if self.correction is not None and not isinstance(self.readout, NumberReadout | ExpectationReadout):
            raise ValueError(
                f"correction: the readout {self.readout.type!r} has no value in a unit; 'number' and "
                "'expectation' have one"
            )
        return self


class Preprocess(StrEnum):
    """How a frame becomes the model's square input.

    ``pad`` to a square with LLaVA's mean colour; ``crop`` the centre square; ``stretch`` both sides.
    """

    PAD = "pad"
    CROP = "crop"
    STRETCH = "stretch"


class Region(Strict):
    """A box of the frame, enlarged: cut out, then padded to a square.

    Attributes:
        box: left, top, right, bottom in relative coordinates, 0 to 1 from the top left corner.
    """

    type: Literal["region"]
    box: tuple[Share, Share, Share, Share]

    @model_validator(mode="after")
    def _box_has_an_area(self) -> Region:
        left, top, right, bottom = self.box
        if not (left < right and top < bottom):
            raise ValueError("box: left must be less than right, and top less than bottom")
        return self


def _tag_of(text: str, other: str) -> Discriminator:
    def tag(value: Any) -> str:
        return text if isinstance(value, str) else other

    return Discriminator(tag)


RubricOrName = Annotated[
    Annotated[str, Tag("name")] | Annotated[Rubric, Tag("inline")], _tag_of("name", "inline")
]
PreprocessOrRegion = Annotated[
    Annotated[Preprocess, Tag("mode")] | Annotated[Region, Tag("region")], _tag_of("mode", "region")
]


def field_path(loc: Sequence[str | int], message: str) -> str:
    """The path of a wrong field, as a client wrote it.

    Args:
        loc: pydantic's path, which has the member's tag behind each union.
        message: pydantic's message; validators of ours that look at several fields begin theirs with
            the name of the wrong one.
    """
    path = list[str]()
    for place, part in enumerate(loc):
        before = loc[place - 1] if place else None
        in_union_list = isinstance(before, int) and place > 1 and loc[place - 2] in _UNION_LISTS
        if before in _UNION_FIELDS or in_union_list:
            continue
        if isinstance(part, int) and before in _LISTS:
            path[-1] += f"[{part}]"
        else:
            path.append(str(part))
    named = re.match(r"Value error, ([a-z_]+): ", message)
    if named and path[-1:] != [named[1]]:
        path.append(named[1])
    return ".".join(path)


_UNION_FIELDS = frozenset({"rubric", "readout", "reward", "preprocess"})
_UNION_LISTS = frozenset({"rubrics", "mean_of"})
_LISTS = _UNION_LISTS | {"variables"}
