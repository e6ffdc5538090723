"""Has frames scored while an agent acts on, and hands back their rewards chunk by chunk, in order.

    with Labeler(client, "cartpole-upright") as labeler:
        for step in range(64):
            frame = act()
            labeler.submit(frame)           # returns at once
        pending = labeler.end_chunk()
        ...                                 # act on, or learn from the chunk before
        rewards = [item.reward for item in pending.result()]

Not for deciding what a missing reward means: that is the caller's. ``async_labeler.py`` is the twin for
asyncio.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from reward_client.labeling.chunks import Chunks
from reward_client.schema import RewardItem, ScoreResponse, ServerInfo
from reward_client.wording.ensemble import AnyRubric
from reward_client.wording.given_rubric import GivenRubric, checked_rubric

FRAMES_PER_REQUEST = 16
"""At most; a server may take fewer (``/info``)."""

REQUESTS_IN_FLIGHT = 4


class Scores(Protocol):
    """What the labeler needs of a reward server; ``reward_client.RewardClient`` has it."""

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: AnyRubric) -> ScoreResponse:
        """Scores frames in one request."""


def max_images_of(server: ServerInfo | None) -> int | None:
    """How many images a server takes in one request."""
    return None if server is None else server.limits.max_images_per_request


def frames_per_request(max_images: int | None) -> int:
    """How many frames go into one request to a server that takes so many images; None: not known."""
    return min(FRAMES_PER_REQUEST, max_images or FRAMES_PER_REQUEST)


@dataclass(frozen=True)
class Scored:
    """The answer to one request, and those of its frames that got no reward, by their place in it."""

    answer: ScoreResponse
    unrewarded: dict[int, NDArray[np.uint8]]

    @classmethod
    def of(cls, answer: ScoreResponse, frames: Sequence[NDArray[np.uint8]]) -> Scored:
        """Keeps of a request's frames those without a reward; the others are needed no longer."""
        return cls(answer, {item.index: frames[item.index] for item in answer.data if item.reward is None})


def items_of(scored: Iterable[Scored]) -> list[RewardItem]:
    """The items of a chunk's requests, in order."""
    return [item for one in scored for item in one.answer.data]


def unrewarded_of(scored: Iterable[Scored]) -> dict[int, NDArray[np.uint8]]:
    """The frames of a chunk that got no reward, by their place in it."""
    frames, first = dict[int, NDArray[np.uint8]](), 0
    for one in scored:
        frames |= {first + place: frame for place, frame in one.unrewarded.items()}
        first += len(one.answer.data)
    return frames


class PendingLabels:
    """The rewards of one chunk, some of them still on their way."""

    def __init__(self, sent: Sequence[Future[Scored]]) -> None:
        self._sent = sent

    def done(self) -> bool:
        """Whether ``result`` would not wait."""
        return all(future.done() for future in self._sent)

    def result(self) -> list[RewardItem]:
        """Waits for them.

        Returns:
            One item per frame, in the order of submission, whatever the order of the answers.

        Raises:
            RewardServiceError: a request failed for good.
            RewardsChangedError: the server was replaced by one with other rewards.
        """
        return items_of(future.result() for future in self._sent)

    def unrewarded(self) -> dict[int, NDArray[np.uint8]]:
        """The frames that got no reward, ``(H, W, 3)`` uint8 RGB by row. Waits for the rewards."""
        return unrewarded_of(future.result() for future in self._sent)


class Labeler(Chunks[Future[Scored], PendingLabels]):
    """Sends frames in requests, 4 in flight at a time, and hands back their rewards in order.

    Frames that were not answered yet are kept, so the caller says how far it runs ahead: it waits for an
    earlier chunk before it sends a later one.

    Args:
        client: where frames are scored; used from several threads at once.
        rubric: what to ask, as the client takes it.
        reward_id: that of the rewards that the run has already; None at its beginning.
        max_images: images that the server takes in one request (``/info``); None where it is not known.

    Raises:
        RubricContentError: what is to be asked is no rubric.
    """

    def __init__(
        self,
        client: Scores,
        rubric: GivenRubric,
        reward_id: str | None = None,
        max_images: int | None = None,
    ) -> None:
        super().__init__(frames_per_request(max_images), reward_id)
        self._client, self._rubric = client, checked_rubric(rubric)
        self._threads = ThreadPoolExecutor(REQUESTS_IN_FLIGHT, thread_name_prefix="label")

    def _start(self, frames: Sequence[NDArray[np.uint8]]) -> Future[Scored]:
        return self._threads.submit(self._score, frames)

    def _pending(self, sent: Sequence[Future[Scored]]) -> PendingLabels:
        return PendingLabels(sent)

    def _score(self, frames: Sequence[NDArray[np.uint8]]) -> Scored:
        answer = self._client.score(frames, self._rubric)
        self._same.check(answer.reward_id)
        return Scored.of(answer, frames)

    def close(self) -> None:
        """Drops what was not sent; what is in flight ends with its answer, or with the client."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> Labeler:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
