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
    StringConstraints,
    Tag,
    model_validator,
)

MAX_LABELS = 128
"""vLLM reads the probabilities of at most this many tokens in one forward pass."""

MAX_PROMPT_CHARS = 4096
MAX_GOAL_CHARS = 512
MAX_ANSWER_TOKENS = 256
MAX_NOUNS = 16
MAX_FIELDS = 32

_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def _visible(text: str) -> str:
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


Prompt = Annotated[str, Field(min_length=1, max_length=MAX_PROMPT_CHARS), AfterValidator(_visible)]
Goal = Annotated[
    str, Field(min_length=1, max_length=MAX_GOAL_CHARS), AfterValidator(_visible), AfterValidator(_stated)
]
Label = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    AfterValidator(_visible),
    AfterValidator(_trimmed),
]
Noun = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z -]*$", max_length=32)]
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
    """Base of the readouts whose answer is read as label probabilities."""

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
    """

    version: int = Field(default=1, ge=1)
    prompt: Prompt
    readout: Readout
    reward: RewardMap
    unit: Annotated[str, Field(min_length=1, max_length=16), AfterValidator(_visible)] | None = None
    goal: Goal | None = None

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
    path = [str(part) for before, part in zip([None, *loc], loc, strict=False) if before not in _UNION_FIELDS]
    named = re.match(r"Value error, ([a-z_]+): ", message)
    if named and path[-1:] != [named[1]]:
        path.append(named[1])
    return ".".join(path)


_UNION_FIELDS = frozenset({"rubric", "readout", "reward", "preprocess"})
