"""Has frames scored while the agent acts on, and returns their labels chunk by chunk, in step order.

Not for deciding what a missing label means (``training/train.py`` leaves its transition out).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from reward_client.rubric import Rubric
from reward_client.schema import RewardItem, ScoreResponse, ServerInfo

FRAMES_PER_REQUEST = 16
"""At most; a server may take fewer (``/info``)."""

REQUESTS_IN_FLIGHT = 4


class Scores(Protocol):
    """What the labeler needs of a reward server; ``reward_client.RewardClient`` has it."""

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: str | Rubric) -> ScoreResponse:
        """Scores frames in one request."""


def max_images_of(server: ServerInfo | None) -> int | None:
    """How many images a server takes in one request."""
    return None if server is None else server.limits.max_images_per_request


class RewardsChangedError(RuntimeError):
    """The server's rewards became another quantity in the middle of a run."""


@dataclass(frozen=True)
class _Scored:
    """The answer to one request, and those of its frames that got no reward, by their place in it."""

    answer: ScoreResponse
    unrewarded: dict[int, NDArray[np.uint8]]


class PendingLabels:
    """The labels of one chunk, some of them still on their way."""

    def __init__(self, sent: Sequence[Future[_Scored]]) -> None:
        self._sent = sent

    def result(self) -> list[RewardItem]:
        """Waits for them.

        Returns:
            One item per frame, in the order of submission, whatever the order of the answers.

        Raises:
            RewardServiceError: a request failed for good.
            RewardsChangedError: the server was replaced by one with other rewards.
        """
        return [item for future in self._sent for item in future.result().answer.data]

    def unrewarded(self) -> dict[int, NDArray[np.uint8]]:
        """The frames that got no reward, ``(H, W, 3)`` uint8 RGB by row. Waits for the labels."""
        frames, first = dict[int, NDArray[np.uint8]](), 0
        for scored in (future.result() for future in self._sent):
            frames |= {first + place: frame for place, frame in scored.unrewarded.items()}
            first += len(scored.answer.data)
        return frames


class Labeler:
    """Sends frames in requests, 4 in flight at a time, and hands back their labels in order.

    Args:
        client: where frames are scored; used from several threads at once.
        rubric: what to ask.
        reward_id: that of the labels that the run has already; None at its beginning.
        max_images: images that the server takes in one request (``/info``); None where it is not known.
    """

    def __init__(
        self,
        client: Scores,
        rubric: str | Rubric,
        reward_id: str | None = None,
        max_images: int | None = None,
    ) -> None:
        self._frames_per_request = min(FRAMES_PER_REQUEST, max_images or FRAMES_PER_REQUEST)
        self._client, self._rubric = client, rubric
        self._waiting: list[NDArray[np.uint8]] = []
        self._sent: list[Future[_Scored]] = []
        self.reward_id, self._lock = reward_id, threading.Lock()
        self._threads = ThreadPoolExecutor(REQUESTS_IN_FLIGHT, thread_name_prefix="label")

    def submit(self, frame: NDArray[np.uint8]) -> None:
        """Takes the next frame, ``(H, W, 3)`` uint8 RGB. It may be on its way when this returns."""
        self._waiting.append(frame)
        if len(self._waiting) == self._frames_per_request:
            self._send()

    def end_chunk(self) -> PendingLabels:
        """Sends what is left of a chunk; its labels are those of all frames since the last chunk's end."""
        if self._waiting:
            self._send()
        sent, self._sent = self._sent, []
        return PendingLabels(sent)

    def _send(self) -> None:
        frames, self._waiting = self._waiting, []
        self._sent.append(self._threads.submit(self._score, frames))

    def _score(self, frames: Sequence[NDArray[np.uint8]]) -> _Scored:
        """Scores one request's frames; those with a reward are needed no longer."""
        answer = self._client.score(frames, self._rubric)
        with self._lock:  # requests are answered side by side
            self.reward_id = self.reward_id or answer.reward_id
        if answer.reward_id != self.reward_id:
            raise RewardsChangedError(
                f"the reward id changed from {self.reward_id} to {answer.reward_id}: the server serves "
                "another model or rubric now, and its rewards do not go with the earlier ones"
            )
        unrewarded = {item.index: frames[item.index] for item in answer.data if item.reward is None}
        return _Scored(answer, unrewarded)

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
