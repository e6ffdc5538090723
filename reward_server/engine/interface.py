"""What the server needs of a model: the protocol, and the values and errors that cross it.

``vllm_engine.VllmEngine`` is the one that is served; tests of the HTTP layer bring a stand-in. Not for what
an answer means (``reading/``).
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Protocol, Self

from PIL import Image

from reward_server.engine.label_tree import LabelTree


class QuestionError(Exception):
    """The model cannot be asked this.

    Attributes:
        field: what is wrong, ``prompt`` or ``readout.labels``.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class EngineAnswerError(Exception):
    """The engine could not answer about one item; others are not affected."""


class EngineDeadError(Exception):
    """The engine is gone and will not come back in this process."""

    def __init__(self) -> None:
        super().__init__("the model's engine died")


_numbers = itertools.count()


class ShownImages(tuple[Image.Image, ...]):
    """The images of one item of one request, as the model is shown them: RGB, of its input size.

    What the questions about one such object have in common, such as the encoded images, is computed once.
    Nothing is shared between two of them, equal images or not: make a new one for each item.

    Attributes:
        number: no other object in this process has it.
        prepared: what an engine made of them for its first question, where it needs that for the next one.
    """

    number: int
    prepared: Any

    def __new__(cls, images: Iterable[Image.Image]) -> Self:
        """Gives them a number."""
        shown = super().__new__(cls, images)
        shown.number, shown.prepared = next(_numbers), None
        return shown


@dataclass(frozen=True)
class Question:
    """A question as the model receives it.

    Attributes:
        prompt: full prompt text in the model's own format, with its image placeholders.
        token_ids: its tokens, each placeholder still one token.
        prompt_tokens: number of tokens with the images in place.
        labels: how its labels are read; None for a question that is answered in text.
        max_tokens: length of the longest answer in text.
    """

    prompt: str
    token_ids: tuple[int, ...]
    prompt_tokens: int
    labels: LabelTree | None
    max_tokens: int = 1

    @cached_property
    def digest(self) -> bytes:
        """Digest of all of its fields, 16 bytes: whatever is added to a question tells two of them apart."""
        facts = repr([(field.name, getattr(self, field.name)) for field in fields(self)])
        return hashlib.blake2b(facts.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@dataclass(frozen=True)
class Answer:
    """What the model answered about one item.

    Attributes:
        text: what it wrote, without special tokens; of label probabilities the most probable token's text, or
            the likeliest label where labels take several tokens.
        logprobs: natural logarithm of the probability of each label; None for an answer in text.
        truncated: whether the text was cut off at the limit of tokens.
        prompt_tokens: number of tokens of the prompts, images included.
        completion_tokens: number of generated tokens, or of forward passes.
    """

    text: str
    logprobs: Mapping[str, float] | None = None
    truncated: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 1

    @property
    def is_usable(self) -> bool:
        """Whether its label probabilities, if it has any, are finite numbers and not all zero."""
        if self.logprobs is None:
            return True
        values = self.logprobs.values()
        return max(values) > -math.inf and not any(math.isnan(value) or value == math.inf for value in values)


@dataclass(frozen=True)
class EngineInfo:
    """What determines an engine's answers, beside the question.

    Attributes:
        model: Hub id, or the last two names of a local folder's path.
        revision: of the Hub, or the digest of a local folder's files.
        dtype: type of weights and arithmetic.
        device: cuda, cpu, ….
        engine: name and version.
        input_size_px: side of the square images that the engine takes.
        images_per_prompt: 2 where the model can look at two images at once, else 1.
    """

    model: str
    revision: str | None
    dtype: str
    device: str
    engine: str
    input_size_px: int
    images_per_prompt: int


class Engine(Protocol):
    """A model that can be asked about images."""

    @property
    def info(self) -> EngineInfo:
        """What is served."""

    @property
    def errored(self) -> bool:
        """Whether the engine is dead."""

    def question(self, prompt: str, labels: Sequence[str], images: int = 1, max_tokens: int = 1) -> Question:
        """Prepares a question; raises QuestionError where the model cannot be asked."""

    async def ask(self, images: Sequence[Image.Image], question: Question) -> Answer:
        """Has a question answered, in label probabilities or in text.

        Args:
            images: what it is asked about; several questions share what they can where it is the same
                ``ShownImages``.
            question: from ``question``.

        Raises:
            EngineAnswerError: this question failed; the engine lives on.
            EngineDeadError: the engine died.
        """
