"""Has the frames of an audit scored over HTTP, in batches and several requests at a time, in order.

Not for what is asked (``plan.py``), nor for keeping the answers (``rows.py``).
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from reward_audit.showing.plan import Job
from reward_client.labeling.labeler import REQUESTS_IN_FLIGHT
from reward_client.rubric import Preprocess, Region, Rubric
from reward_client.schema import RubricDetail, ScoreResponse, ServerInfo

FRAMES_PER_REQUEST = 32
"""At most; a server may take fewer (``/info``)."""


class Server(Protocol):
    """What an audit needs of a reward server; ``reward_client.RewardClient`` has it."""

    def info(self) -> ServerInfo:
        """The server's model, rubrics and limits."""

    def rubric(self, name: str) -> RubricDetail:
        """One rubric of the server."""

    def score(
        self, frames: Sequence[Any], rubric: str | Rubric, preprocess: Preprocess | Region
    ) -> ScoreResponse:
        """Scores frames: arrays, or image files."""


def answers(
    server: Server,
    jobs: Sequence[Job],
    show: Callable[[Job], Any],
    question: Callable[[Job], str | Rubric],
    max_images: int,
) -> Iterator[tuple[Sequence[Job], ScoreResponse]]:
    """Asks about frames.

    Args:
        server: where they are scored; used from several threads at once.
        jobs: what is asked, in order.
        show: makes a job's frame, in this thread, shortly before it is sent.
        question: the rubric that goes with a job; the same for all jobs of a condition.
        max_images: that the server takes in one request.

    Yields:
        Jobs of one condition with the answer to them, in the order of ``jobs``.

    Raises:
        RewardServiceError: a request failed for good. The answers that came before it were yielded.
    """
    threads = ThreadPoolExecutor(REQUESTS_IN_FLIGHT, thread_name_prefix="ask")
    sent = deque[tuple[Sequence[Job], Future[ScoreResponse]]]()
    try:
        for batch in _batches(jobs, min(FRAMES_PER_REQUEST, max_images)):
            if len(sent) == REQUESTS_IN_FLIGHT:  # so that few frames are held at a time
                yield _first(sent)
            frames = [show(job) for job in batch]
            preprocess = batch[0].condition.preprocess
            sent.append((batch, threads.submit(server.score, frames, question(batch[0]), preprocess)))
        while sent:
            yield _first(sent)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def _first(
    sent: deque[tuple[Sequence[Job], Future[ScoreResponse]]],
) -> tuple[Sequence[Job], ScoreResponse]:
    batch, future = sent.popleft()
    return batch, future.result()


def _batches(jobs: Sequence[Job], size: int) -> Iterator[Sequence[Job]]:
    for _, group in itertools.groupby(jobs, key=lambda job: job.condition.name):
        alike = list(group)
        yield from (alike[at : at + size] for at in range(0, len(alike), size))
