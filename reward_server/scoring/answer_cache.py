"""Answers that were given before, by reward id and pixels, within a limit of memory.

Not for what an answer means (``reading/``).
"""

from __future__ import annotations

from collections import OrderedDict

OVERHEAD_BYTES = 300
"""Of one entry beside its answer: 204 by tracemalloc over 50,000 entries, and room for the allocator."""


class AnswerCache:
    """Least recently used answers are dropped first.

    Args:
        max_bytes: limit of the memory that entries take; 0 keeps nothing.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._answers: OrderedDict[bytes, bytes] = OrderedDict()

    def get(self, key: bytes) -> bytes | None:
        """The answer of a key, or None."""
        answer = self._answers.get(key)
        if answer is not None:
            self._answers.move_to_end(key)
        return answer

    def put(self, key: bytes, answer: bytes) -> None:
        """Keeps an answer; the first one of a key stays, so that a repeated frame gets equal answers."""
        if key in self._answers:
            return
        self._answers[key] = answer
        self._bytes += len(answer) + OVERHEAD_BYTES
        while self._bytes > self._max_bytes:
            _, dropped = self._answers.popitem(last=False)
            self._bytes -= len(dropped) + OVERHEAD_BYTES

    @property
    def size_bytes(self) -> int:
        """Memory that the entries take."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._answers)
