"""Frames are scored in batches, in order, few of them held at a time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

from reward_audit.asking import answers
from reward_audit.showing.conditions import SWEEP, Condition, Kind
from reward_audit.showing.plan import Job
from reward_client.errors import ServerUnreachableError
from reward_client.labeling.labeler import REQUESTS_IN_FLIGHT
from reward_client.rubric import Preprocess, Region, Rubric
from reward_client.schema import ScoreResponse
from tests.fakes import response
from tests.reward_audit.readers import FakeServer

CROP = Condition("crop", Kind.ROBUSTNESS, "", 0.1, preprocess=Preprocess.CROP)
JOBS = [Job(SWEEP, n, n, n) for n in range(50)] + [Job(CROP, n, n, n) for n in range(5)]


class Echo(FakeServer):
    """Rewards a frame with its own number; early requests take longest."""

    requests: list[tuple[list[int], Preprocess | Region]]

    def __init__(self, fails_at: int | None = None) -> None:
        super().__init__()
        self.requests, self._fails_at = [], fails_at

    def score(
        self,
        frames: Sequence[Any],
        rubric: str | Rubric,
        preprocess: Preprocess | Region = Preprocess.PAD,
    ) -> ScoreResponse:
        with self.lock:
            self.requests.append((list(frames), preprocess))
        if self._fails_at is not None and self._fails_at in frames:
            raise ServerUnreachableError("gone")
        time.sleep(0.02 if frames[0] < 14 else 0.001)
        return response([float(frame) for frame in frames])


def asked(server: Echo, max_images: int = 7) -> list[tuple[tuple[str, int], float | None]]:
    """Each job's key with its reward."""
    found = []
    for batch, answer in answers(server, JOBS, lambda job: job.shown, lambda _: "r", max_images):
        found += [(job.key, item.reward) for job, item in zip(batch, answer.data, strict=True)]
    return found


def test_answers_come_in_order_whatever_the_order_in_which_they_were_given() -> None:
    assert asked(Echo()) == [(job.key, float(job.shown)) for job in JOBS]


def test_a_request_holds_what_the_server_takes_and_one_condition() -> None:
    server = Echo()
    asked(server)
    assert max(len(frames) for frames, _ in server.requests) == 7
    assert [frames for frames, how in server.requests if how is Preprocess.CROP] == [[0, 1, 2, 3, 4]]
    many = Echo()
    asked(many, max_images=1000)
    assert max(len(frames) for frames, _ in many.requests) == 32


def test_frames_are_made_shortly_before_they_are_sent() -> None:
    shown: list[int] = []

    def show(job: Job) -> int:
        shown.append(job.shown)
        return job.shown

    stream = answers(Echo(), JOBS, show, lambda _: "r", 5)
    next(stream)
    assert len(shown) == REQUESTS_IN_FLIGHT * 5
    stream.close()  # type: ignore[attr-defined] # a generator


def test_what_was_answered_before_a_failure_is_given() -> None:
    found = []
    stream = answers(Echo(fails_at=30), JOBS, lambda job: job.shown, lambda _: "r", 7)
    for _ in range(4):
        found += [job.shown for job in next(stream)[0]]
    with pytest.raises(ServerUnreachableError, match="gone"):
        next(stream)
    assert found == list(range(28))
