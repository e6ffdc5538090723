"""The answer cache keeps its limit and forgets the oldest first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reward_server.scoring.answer_cache import OVERHEAD_BYTES, AnswerCache


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 500))), st.integers(0, 5000))
def test_memory_stays_within_the_limit(puts: list[tuple[int, int]], limit: int) -> None:
    cache = AnswerCache(limit)
    for key, size in puts:
        cache.put(bytes([key]), b"x" * size)
        assert cache.size_bytes <= limit
        assert cache.size_bytes >= len(cache) * OVERHEAD_BYTES


def test_the_least_recently_used_answer_goes_first() -> None:
    cache = AnswerCache(2 * (OVERHEAD_BYTES + 1))
    cache.put(b"a", b"1")
    cache.put(b"b", b"2")
    assert cache.get(b"a") == b"1"
    cache.put(b"c", b"3")
    assert (cache.get(b"a"), cache.get(b"b"), cache.get(b"c")) == (b"1", None, b"3")


def test_the_first_answer_of_a_key_stays() -> None:
    cache = AnswerCache(1000)
    cache.put(b"a", b"1")
    cache.put(b"a", b"2")
    assert cache.get(b"a") == b"1"


def test_a_cache_of_no_bytes_keeps_nothing() -> None:
    cache = AnswerCache(0)
    cache.put(b"a", b"1")
    assert cache.get(b"a") is None
