"""The engine's time is divided among the questions that are under way at once, and nothing of it is lost."""

from __future__ import annotations

import contextlib
import random

import pytest
from fastapi.testclient import TestClient

from reward_client.schema import ScoreResponse
from reward_server.settings import Settings
from reward_server.telemetry.engine_time import EngineTime, Share
from tests.application import application, loads
from tests.fakes import FakeEngine, image


class Clock:
    """Stands still until it is told."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def shares_of(spans: list[tuple[float, float]]) -> list[float]:
    """What questions cost that were under way from the one time to the other."""
    clock = Clock()
    engine, shares = EngineTime(clock), [Share() for _ in spans]
    under_way = [engine.under_way(share) for share in shares]
    events = [(begin, 1, place) for place, (begin, _) in enumerate(spans)]
    events += [(end, 0, place) for place, (_, end) in enumerate(spans)]
    for clock.now_s, begins, place in sorted(events):
        if begins:
            under_way[place].__enter__()
        else:
            under_way[place].__exit__(None, None, None)
    return [share.engine_s for share in shares]


def busy_s(spans: list[tuple[float, float]]) -> float:
    """For how long there was any."""
    total, until = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(end - max(begin, until), 0.0)
        until = max(until, end)
    return total


def test_a_question_alone_costs_all_the_time_and_idle_time_costs_nobody() -> None:
    assert shares_of([(1, 4), (9, 11)]) == [3, 2]


def test_questions_at_once_share_alike() -> None:
    assert shares_of([(0, 8), (0, 8)]) == [4, 4]
    assert shares_of([(0, 12), (3, 6), (3, 9)]) == [3 + 1 + 1.5 + 3, 1, 1 + 1.5]


@pytest.mark.parametrize("seed", range(5))
def test_all_shares_add_up_to_the_time_in_which_there_was_any(seed: int) -> None:
    rng = random.Random(seed)
    begins = [rng.uniform(0, 50) for _ in range(60)]
    spans = [(begin, begin + rng.uniform(0.1, 5)) for begin in begins]
    assert sum(shares_of(spans)) == pytest.approx(busy_s(spans))


def test_what_fails_has_cost_something_and_leaves_the_others_their_share() -> None:
    clock, share, other = Clock(), Share(), Share()
    engine = EngineTime(clock)
    with engine.under_way(other):
        with contextlib.suppress(ValueError), engine.under_way(share):
            clock.now_s += 2.0
            raise ValueError
        clock.now_s += 5.0
    assert (share.engine_s, other.engine_s) == (1.0, 6.0)


def score(http: TestClient, count: int) -> ScoreResponse:
    body = {"images": [image()] * count, "rubric": "cartpole-upright"}
    return ScoreResponse.model_validate(http.post("/score", json=body).json())


def test_an_answer_says_what_its_request_cost() -> None:
    settings = Settings(cache_bytes=0)
    with application(loads(FakeEngine(), settings), settings) as http:
        answer = score(http, 3)
        assert answer.usage.engine_s is not None
        # alone, it had all the time there was; what it waited for beside that is no part of it
        assert 0 < answer.usage.engine_s <= answer.timings.engine_s
        assert score(http, 1).usage.engine_s is not None
