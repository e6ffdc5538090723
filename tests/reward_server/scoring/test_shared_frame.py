"""Which questions an engine may compute together: those about one image of one request, and no others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from reward_server.engine.interface import Answer, Question, ShownImages
from reward_server.settings import Settings
from tests.application import application, loads
from tests.fakes import FakeEngine, image

SETTINGS = Settings(cache_bytes=0)
RUBRICS = ["cartpole-upright", "cartpole-rating", {"mean_of": ["cartpole-lean", "cartpole-angle"]}]


class NotingEngine(FakeEngine):
    """Notes what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[ShownImages] = []

    async def ask(self, images: Sequence[Image.Image], question: Question) -> Answer:
        if isinstance(images, ShownImages):  # a frame of our own is asked about once
            self.shown.append(images)
        return await super().ask(images, question)


@pytest.fixture
def engine() -> NotingEngine:
    return NotingEngine()


@pytest.fixture
def http(engine: NotingEngine) -> Iterator[TestClient]:
    with application(loads(engine, SETTINGS), SETTINGS) as client:
        yield client


def numbers(http: TestClient, engine: NotingEngine, path: str, **body: Any) -> list[int]:
    engine.shown.clear()
    answer = http.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return [shown.number for shown in engine.shown]


def test_all_questions_about_an_image_are_asked_about_the_same_object(
    http: TestClient, engine: NotingEngine
) -> None:
    found = numbers(http, engine, "/score", images=[image()], rubrics=RUBRICS)
    assert (len(found), len(set(found))) == (4, 1)


def test_an_explanation_is_about_the_same_object(http: TestClient, engine: NotingEngine) -> None:
    found = numbers(http, engine, "/score", images=[image()], rubric="cartpole-upright", explain=True)
    assert (len(found), len(set(found))) == (2, 1)


def test_equal_images_of_one_request_share_nothing(http: TestClient, engine: NotingEngine) -> None:
    found = numbers(http, engine, "/score", images=[image(), image()], rubrics=RUBRICS)
    assert sorted(found.count(number) for number in set(found)) == [4, 4]


def test_equal_images_of_two_requests_share_nothing(http: TestClient, engine: NotingEngine) -> None:
    first = numbers(http, engine, "/score", images=[image()], rubrics=RUBRICS)
    second = numbers(http, engine, "/score", images=[image()], rubrics=RUBRICS)
    assert len(first) == len(second) == 4
    assert not {*first} & {*second}


def test_both_orders_of_a_pair_share_nothing(http: TestClient, engine: NotingEngine) -> None:
    pairs = [{"first": image(), "second": image("black")}]
    found = numbers(http, engine, "/compare", pairs=pairs, rubric="cartpole-upright")
    assert (len(found), len(set(found))) == (2, 2)
