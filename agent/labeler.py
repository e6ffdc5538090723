"""Has frames scored while the agent acts on, and returns their labels in step order.

Not for deciding what a missing label means (``train.py`` leaves its transition out).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from reward_client.schema import RewardItem, ScoreResponse

FRAMES_PER_REQUEST = 16
REQUESTS_IN_FLIGHT = 4


class Scores(Protocol):
    """What the labeler needs of a reward server; ``reward_client.RewardClient`` has it."""

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: str) -> ScoreResponse:
        """Scores frames in one request."""


class RewardsChangedError(RuntimeError):
    """The server's rewards became another quantity in the middle of a run."""


class Labeler:
    """Sends frames in requests of 16, some in flight at a time, and hands back their labels in order.

    Args:
        client: where frames are scored; used from several threads at once.
        rubric: name of the rubric to ask.
    """

    def __init__(self, client: Scores, rubric: str) -> None:
        self._client, self._rubric = client, rubric
        self._waiting: list[NDArray[np.uint8]] = []
        self._sent: list[Future[ScoreResponse]] = []
        self._reward_id: str | None = None
        self._threads = ThreadPoolExecutor(REQUESTS_IN_FLIGHT, thread_name_prefix="label")

    def submit(self, frame: NDArray[np.uint8]) -> None:
        """Takes the next frame, ``(H, W, 3)`` uint8 RGB. It may be on its way when this returns."""
        self._waiting.append(frame)
        if len(self._waiting) == FRAMES_PER_REQUEST:
            self._send()

    def collect(self) -> list[RewardItem]:
        """Waits for the labels of all frames submitted since the last call.

        Returns:
            One item per frame, in the order of submission, whatever the order of the answers.

        Raises:
            RewardServiceError: a request failed for good.
            RewardsChangedError: the server was replaced by one with other rewards.
        """
        if self._waiting:
            self._send()
        sent, self._sent = self._sent, []
        answers = [future.result() for future in sent]
        for answer in answers:
            self._reward_id = self._reward_id or answer.reward_id
            if answer.reward_id != self._reward_id:
                raise RewardsChangedError(
                    f"the reward id changed from {self._reward_id} to {answer.reward_id}: the server serves "
                    "another model or rubric now, and its rewards do not go with the earlier ones"
                )
        return [item for answer in answers for item in answer.data]

    def _send(self) -> None:
        frames, self._waiting = self._waiting, []
        self._sent.append(self._threads.submit(self._client.score, frames, self._rubric))

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
