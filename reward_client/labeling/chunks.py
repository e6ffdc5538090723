"""Gathers frames into requests, and requests into chunks: what both labelers share.

Not for how a request is sent (``labeler.py`` with threads, ``async_labeler.py`` with asyncio).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from reward_client.labeling.same_rewards import SameRewards

Job = TypeVar("Job")
"""One request that is under way."""

Pending = TypeVar("Pending")
"""The rewards of one chunk, some of them still on their way."""


class Chunks(ABC, Generic[Job, Pending]):
    """Takes frames one by one.

    Args:
        frames_per_request: a request is sent as soon as it has so many.
        reward_id: that of the rewards that the run has already; None at its beginning.
    """

    def __init__(self, frames_per_request: int, reward_id: str | None) -> None:
        self._frames_per_request = frames_per_request
        self._waiting: list[NDArray[np.uint8]] = []
        self._sent: list[Job] = []
        self._same = SameRewards(reward_id)

    @property
    def reward_id(self) -> str | None:
        """That of all rewards so far; None before the first answer."""
        return self._same.reward_id

    def submit(self, frame: NDArray[np.uint8]) -> None:
        """Takes the next frame, ``(H, W, 3)`` uint8 RGB. It may be on its way when this returns.

        The caller may draw over the frame afterwards: it is copied.
        """
        copy = frame.copy()
        copy.flags.writeable = False  # nobody writes into it, so that the client need not copy it again
        self._waiting.append(copy)
        if len(self._waiting) == self._frames_per_request:
            self._send()

    def end_chunk(self) -> Pending:
        """Sends what is left of a chunk; its rewards are those of all frames since the last chunk's end."""
        if self._waiting:
            self._send()
        sent, self._sent = self._sent, []
        return self._pending(sent)

    def _send(self) -> None:
        frames, self._waiting = self._waiting, []
        self._sent.append(self._start(frames))

    @abstractmethod
    def _start(self, frames: Sequence[NDArray[np.uint8]]) -> Job:
        """Sends one request."""

    @abstractmethod
    def _pending(self, sent: Sequence[Job]) -> Pending:
        """What a chunk's requests will give."""
