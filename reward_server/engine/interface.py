"""What the server needs of a model: the protocol, and the values and errors that cross it.

``vllm_engine.VllmEngine`` is the one that is served; tests of the HTTP layer bring a stand-in. Not for what
an answer means (``reading/``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

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


class EngineFrameError(Exception):
    """The engine could not answer for one frame; others are not affected."""


class EngineDeadError(Exception):
    """The engine is gone and will not come back in this process."""

    def __init__(self) -> None:
        super().__init__("the model's engine died")


@dataclass(frozen=True)
class Question:
    """A question as the model receives it.

    Attributes:
        prompt: full prompt text in the model's own format, with its image placeholders.
        token_ids: its tokens, each placeholder still one token.
        prompt_tokens: number of tokens with the images in place.
        labels: how its labels are read; None for a question that is answered in text.
    """

    prompt: str
    token_ids: tuple[int, ...]
    prompt_tokens: int
    labels: LabelTree | None


@dataclass(frozen=True)
class Answer:
    """What the model answered about one frame, from label probabilities.

    Attributes:
        logprobs: natural logarithm of the probability of each label.
        text: the most probable token's text; the likeliest label where labels take several tokens.
        prompt_tokens: number of tokens of the prompts, images included.
        completion_tokens: number of forward passes.
    """

    logprobs: dict[str, float]
    text: str
    prompt_tokens: int
    completion_tokens: int = 1


@dataclass(frozen=True)
class Generation:
    """What the model wrote about one frame, always its most probable token next.

    Attributes:
        text: the text, without special tokens.
        truncated: whether it was cut off at the limit of tokens.
        prompt_tokens: number of tokens of the prompt, image included.
        completion_tokens: number of generated tokens.
    """

    text: str
    truncated: bool
    prompt_tokens: int
    completion_tokens: int


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
        """Reads label probabilities; raises EngineFrameError or EngineDeadError."""

    async def generate(
        self, images: Sequence[Image.Image], question: Question, max_tokens: int
    ) -> Generation:
        """Generates text; raises EngineFrameError or EngineDeadError."""
