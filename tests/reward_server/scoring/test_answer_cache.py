"""The answer cache: its key tells everything apart that the engine is given, and its memory has a limit."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import math
import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reward_server.engine.interface import Answer, Question
from reward_server.engine.label_tree import build_tree
from reward_server.images.prepare import PreparedImage, side_by_side
from reward_server.scoring.answer_cache import OVERHEAD_BYTES, AnswerCache, AskedImages
from tests.fakes import FakeEngine

LABELS = [str(number) for number in range(117)]
TREE = build_tree({label: [i] for i, label in enumerate(LABELS)}, [], 128)
QUESTION = Question("prompt", (1, 2), 10, TREE)


class CountingEngine(FakeEngine):
    """Answers each time with other numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    async def ask(self, images: Sequence[Image.Image], question: Question) -> Answer:
        self.count += 1
        if question.labels is None:
            return Answer(f"text {self.count}")
        return Answer("-3", {label: -float(self.count) for label in question.labels.sequences})


def image(name: str) -> PreparedImage:
    return PreparedImage(Image.new("RGB", (2, 2)), name.encode())


def ask(cache: AnswerCache, names: Sequence[str], question: Question = QUESTION) -> tuple[Answer, bool]:
    return asyncio.run(cache.ask(AskedImages([image(name) for name in names]), question))


def test_a_repeated_image_gets_the_first_answer() -> None:
    cache = AnswerCache(CountingEngine(), 10**6)
    first, known = ask(cache, "a")
    again, known_again = ask(cache, "a")
    assert (known, known_again) == (False, True)
    assert again == first


def test_an_answer_in_text_is_kept_too() -> None:
    cache = AnswerCache(CountingEngine(), 10**6)
    question = dataclasses.replace(QUESTION, labels=None, max_tokens=9)
    assert ask(cache, "a", question)[0] == ask(cache, "a", question)[0] == Answer("text 1")


@dataclasses.dataclass(frozen=True)
class QuestionOfTomorrow(Question):
    """A question with one thing more that changes an answer."""

    temperature: float = 0.0


OTHERS: dict[str, Any] = {
    "prompt": "another",
    "token_ids": (1, 3),
    "prompt_tokens": 11,
    "labels": build_tree({"a": [1], "b": [2]}, [], 128),
    "max_tokens": 2,
    "temperature": 1.0,
}


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(QuestionOfTomorrow)])
def test_whatever_is_added_to_a_question_tells_it_apart(field: str) -> None:
    cache = AnswerCache(CountingEngine(), 10**6)
    question = QuestionOfTomorrow("prompt", (1, 2), 10, TREE)
    ask(cache, "a", question)
    assert ask(cache, "a", question)[1]
    assert not ask(cache, "a", dataclasses.replace(question, **{field: OTHERS[field]}))[1]


def test_other_images_and_another_order_are_asked_anew() -> None:
    cache = AnswerCache(CountingEngine(), 10**6)
    one, two = image("one"), image("two")
    composed = [[side_by_side(one, two, 56)], [side_by_side(two, one, 56)]]
    for images in ([one], [two], [one, two], [two, one], *composed):
        assert not asyncio.run(cache.ask(AskedImages(images), QUESTION))[1]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_an_answer_without_usable_probabilities_is_not_kept(value: float) -> None:
    class Broken(FakeEngine):
        async def ask(self, images: Sequence[Image.Image], question: Question) -> Answer:
            return Answer("", dict.fromkeys(LABELS, value))

    cache = AnswerCache(Broken(), 10**6)
    assert not ask(cache, "a")[1]
    assert not ask(cache, "a")[1]


ENTRY_BYTES = OVERHEAD_BYTES + 8 * len(LABELS) + 4 * len("-3")


@given(st.lists(st.integers(0, 30)), st.integers(0, 10 * ENTRY_BYTES))
def test_memory_stays_within_the_limit(asked: list[int], limit: int) -> None:
    cache = AnswerCache(CountingEngine(), limit)
    for number in asked:
        ask(cache, [str(number)])
        assert cache.size_bytes <= limit
    assert cache.size_bytes == ENTRY_BYTES * min(len(set(asked)), limit // ENTRY_BYTES)


def test_the_least_recently_used_answer_goes_first() -> None:
    cache = AnswerCache(CountingEngine(), 2 * ENTRY_BYTES)
    ask(cache, "a")
    ask(cache, "b")
    assert ask(cache, "a")[1]
    ask(cache, "c")
    assert [ask(cache, name)[1] for name in "ac"] == [True, True]
    assert not ask(cache, "b")[1]


def test_a_cache_of_no_bytes_keeps_nothing() -> None:
    cache = AnswerCache(CountingEngine(), 0)
    ask(cache, "a")
    assert not ask(cache, "a")[1]


def test_an_entry_takes_the_memory_that_is_counted() -> None:
    cache = AnswerCache(CountingEngine(), 10**9)

    async def fill(count: int) -> None:
        for number in range(count):
            await cache.ask(AskedImages([PreparedImage(IMAGE, number.to_bytes(16))]), QUESTION)

    IMAGE = Image.new("RGB", (2, 2))  # noqa: N806
    asyncio.run(fill(100))
    gc.collect()
    tracemalloc.start()
    try:
        before, counted = tracemalloc.get_traced_memory()[0], cache.size_bytes
        asyncio.run(fill(5_000))
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken <= cache.size_bytes - counted
    assert taken >= 0.6 * (cache.size_bytes - counted)


def test_a_cache_that_keeps_nothing_asks_for_no_digests() -> None:
    frame = image("a")
    nothing_known = dataclasses.replace(frame, known_digest=None)
    cache = AnswerCache(CountingEngine(), 0)
    for count in (1, 2):
        answer, known = asyncio.run(cache.ask(AskedImages([nothing_known]), QUESTION))
        assert (answer.logprobs or {})["0"] == -count
        assert not known
    assert "digest" not in vars(nothing_known)
