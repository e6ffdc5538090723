"""Answers that the engine gave before, by what was asked and the pixels, within a limit of memory.

What is kept is what the engine said, not what was made of it. So the key is all that the engine is given, and
nothing that changes an answer can be left out of it; an item is read from a kept answer as from a new one.
Not for what an answer means (``reading/``).
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from cachetools import LRUCache

from reward_server.engine.interface import Answer, Engine, Question, ShownImages
from reward_server.images.prepare import PreparedImage

OVERHEAD_BYTES = 900
"""Of one entry beside its numbers and its text (``tests/reward_server/scoring/test_answer_cache.py``)."""


class AskedImages:
    """The images of one item of a request, for all questions about it.

    Args:
        images: prepared for the model.
    """

    def __init__(self, images: Sequence[PreparedImage]) -> None:
        self.images = images
        self.shown = ShownImages(image.image for image in images)
        """The same to the engine, which computes once what questions about it have in common."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer in little memory: its labels are those of its question."""

    text: str
    logprobs: array[float] | None
    truncated: bool
    prompt_tokens: int
    completion_tokens: int

    @property
    def size_bytes(self) -> int:
        numbers = 0 if self.logprobs is None else self.logprobs.itemsize * len(self.logprobs)
        return OVERHEAD_BYTES + 4 * len(self.text) + numbers


class AnswerCache:
    """Asks an engine what it was not asked before; least recently used answers are dropped first.

    Args:
        engine: a ready engine.
        max_bytes: limit of the memory that entries take; 0 keeps nothing.
    """

    def __init__(self, engine: Engine, max_bytes: int) -> None:
        self._engine = engine
        self._kept: LRUCache[bytes, _Kept] = LRUCache(max_bytes, getsizeof=lambda kept: kept.size_bytes)

    @property
    def size_bytes(self) -> int:
        """Memory that the entries take."""
        return int(self._kept.currsize)

    async def ask(self, asked: AskedImages, question: Question) -> tuple[Answer, bool]:
        """The engine's answer, and whether it was given before.

        Args:
            asked: the images; the same object for all questions about it.
            question: what is asked.

        Raises:
            EngineAnswerError: this question failed; the engine lives on.
            EngineDeadError: the engine died.
        """
        if not self._kept.maxsize:  # then nobody needs the images' digests
            return await self._engine.ask(asked.shown, question), False
        key = _key(asked.images, question)
        if (kept := self._kept.get(key)) is not None:
            return _unpacked(kept, question), True
        answer = await self._engine.ask(asked.shown, question)
        # the first answer stays, so that a repeated image gets equal answers
        if answer.is_usable and key not in self._kept:
            packed = _packed(answer)
            if packed.size_bytes <= self._kept.maxsize:
                self._kept[key] = packed
        return answer, False


def _key(images: Sequence[PreparedImage], question: Question) -> bytes:
    parts = (question.digest, *(image.digest for image in images))
    return hashlib.blake2b(b"".join(parts), digest_size=16).digest()


def _packed(answer: Answer) -> _Kept:
    logprobs = None if answer.logprobs is None else array("d", answer.logprobs.values())
    return _Kept(answer.text, logprobs, answer.truncated, answer.prompt_tokens, answer.completion_tokens)


def _unpacked(kept: _Kept, question: Question) -> Answer:
    """The answer; the engine gives a question's labels in the order of its tree."""
    logprobs = None
    if kept.logprobs is not None and question.labels is not None:
        logprobs = dict(zip(question.labels.sequences, kept.logprobs, strict=True))
    return Answer(kept.text, logprobs, kept.truncated, kept.prompt_tokens, kept.completion_tokens)
