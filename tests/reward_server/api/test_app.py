"""The HTTP layer, with a stand-in for the model: routes, statuses, errors that name the field."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from reward_client.schema import ErrorResponse, ScoreResponse, ServerInfo
from reward_server.rubrics.loading import load_rubrics
from reward_server.service import Rewarder
from reward_server.settings import Settings
from tests.application import application, loads
from tests.fakes import FakeEngine, image

SETTINGS = Settings(max_images_per_request=4, max_body_bytes=100_000)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def failures() -> list[BaseException]:
    return []


@pytest.fixture
def http(engine: FakeEngine, failures: list[BaseException]) -> Iterator[TestClient]:
    with application(loads(engine, SETTINGS), SETTINGS, failures) as client:
        yield client


def post(http: TestClient, **body: Any) -> ScoreResponse:
    answer = http.post("/score", json=body)
    assert answer.status_code == 200, answer.text
    return ScoreResponse.model_validate_json(answer.content)


def test_each_image_gets_its_reward_in_order(http: TestClient) -> None:
    answer = post(http, images=[image("white"), image("black"), image("snow")], rubric="cartpole-upright")
    assert [item.index for item in answer.data] == [0, 1, 2]
    assert [item.text for item in answer.data] == ["No", "Yes", "No"]
    rewards = [item.reward for item in answer.data]
    assert rewards[0] == rewards[2] == pytest.approx(0.1)
    assert rewards[1] == pytest.approx(0.9)
    assert answer.usage.images == answer.usage.completion_tokens == 3
    assert answer.usage.prompt_tokens == 30


def test_frames_reach_the_engine_padded_to_its_size(http: TestClient, engine: FakeEngine) -> None:
    post(http, images=[image()], rubric="cartpole-upright")
    assert engine.asked[-1].size == (32, 32)
    assert engine.asked[-1].getpixel((16, 0)) == (122, 116, 104)


def test_one_bad_image_costs_the_others_nothing(http: TestClient) -> None:
    answer = post(http, images=[image(), "AAAA", image()], rubric="cartpole-upright")
    assert [item.status.value for item in answer.data] == ["ok", "invalid_frame", "ok"]
    assert answer.data[1].reward is None
    assert answer.data[1].message == "not a PNG or JPEG image"


def test_an_answer_outside_the_labels_is_no_reward(http: TestClient, engine: FakeEngine) -> None:
    engine.label_mass = 0.2
    (item,) = post(http, images=[image()], rubric="cartpole-upright").data
    assert (item.reward, item.status.value) == (None, "low_label_mass")
    assert item.label_mass == pytest.approx(0.2)


def test_a_frame_that_the_engine_refuses_has_failed(http: TestClient, engine: FakeEngine) -> None:
    engine.failing = True
    (item,) = post(http, images=[image()], rubric="cartpole-upright").data
    assert (item.reward, item.status.value) == (None, "failed")


def test_probabilities_that_are_not_numbers_are_no_reward(http: TestClient, engine: FakeEngine) -> None:
    engine.label_mass = float("nan")
    (item,) = post(http, images=[image()], rubric="cartpole-upright").data
    assert (item.reward, item.status.value) == (None, "failed")


def test_a_rubric_may_come_with_the_request(http: TestClient) -> None:
    rubric = {
        "prompt": "how many?",
        "readout": {"type": "expectation", "labels": ["0", "10"]},
        "reward": {"type": "distance", "target": 10, "tolerance": 10},
        "unit": "things",
    }
    (item,) = post(http, images=[image("white")], rubric=rubric).data
    assert item.value == pytest.approx(9.0)
    assert item.reward == pytest.approx(0.9)
    assert item.unit == "things"


def test_the_reward_id_follows_the_rubric(http: TestClient, engine: FakeEngine) -> None:
    def reward_id(tolerance: float) -> str:
        rubric = {
            "prompt": "how many?",
            "readout": {"type": "expectation", "labels": ["0", "10"]},
            "reward": {"type": "distance", "target": 10, "tolerance": tolerance},
        }
        return post(http, images=[image()], rubric=rubric).reward_id

    assert reward_id(10) == reward_id(10)
    assert reward_id(10) != reward_id(11)


def weights(**values: float) -> dict[str, Any]:
    return {
        "prompt": "x",
        "readout": {"type": "choice", "labels": ["a", "b"]},
        "reward": {"type": "weights", "weights": values},
    }


INLINE = {"prompt": "x", "readout": {"type": "yes_no"}, "reward": {"type": "probability"}}


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ("{", 400, "body"),
        ("[]", 422, "body"),
        ({"rubric": "cartpole-angle"}, 422, "images"),
        ({"images": [], "rubric": "cartpole-angle"}, 422, "images"),
        ({"images": "AAAA", "rubric": "cartpole-angle"}, 422, "images"),
        ({"images": [1], "rubric": "cartpole-angle"}, 422, "images.0"),
        ({"images": ["AAAA"] * 5, "rubric": "cartpole-angle"}, 422, "images"),
        ({"images": ["AAAA"]}, 422, "rubric"),
        ({"images": ["AAAA"], "rubric": "nope"}, 422, "rubric"),
        ({"images": ["AAAA"], "rubric": "cartpole-angle", "url": "http://x"}, 422, "url"),
        ({"images": ["AAAA"], "rubric": "cartpole-angle", "preprocess": "blur"}, 422, "preprocess"),
        ({"images": ["AAAA"], "rubric": {**INLINE, "prompt": ""}}, 422, "rubric.prompt"),
        ({"images": ["AAAA"], "rubric": {**INLINE, "prompt": "a <image>"}}, 422, "rubric.prompt"),
        (
            {"images": ["AAAA"], "rubric": {**INLINE, "readout": {"type": "yes_no", "no": "long"}}},
            422,
            "rubric.readout",
        ),
        (
            {"images": ["AAAA"], "rubric": {**INLINE, "reward": {"type": "distance", "target": 0}}},
            422,
            "rubric.reward.tolerance",
        ),
        ({"images": ["AAAA"], "rubric": {**INLINE, "prompt": "nul \0"}}, 422, "rubric.prompt"),
        ('{"images": ["AAAA"], "rubric": {"prompt": "\\ud800"}}', 422, "rubric.prompt"),
        ('{"images": ["AAAA"], "rubric": "\\ud800"}', 422, "rubric"),
        (
            {"images": ["AAAA"], "rubric": {**INLINE, "readout": {"type": "yes_no", "yes": ""}}},
            422,
            "rubric.readout.yes",
        ),
        ({"images": ["AAAA"], "rubric": weights(NaN=math.nan)}, 422, "rubric.reward.weights.NaN"),
        ({"images": ["AAAA"], "rubric": weights(b=math.inf)}, 422, "rubric.reward.weights.b"),
        (
            {"images": ["AAAA"], "rubric": {**INLINE, "reward": {"type": "affine", "scale": math.nan}}},
            422,
            "rubric.reward.scale",
        ),
        (
            {
                "images": ["AAAA"],
                "rubric": "cartpole-angle",
                "preprocess": {"type": "region", "box": [0, 0, 0, 1]},
            },
            422,
            "preprocess.box",
        ),
        ({"images": ["AAAA"], "rubric": "cartpole-angle", "explain": "maybe"}, 422, "explain"),
        ({"images": ["A" * 100_001], "rubric": "cartpole-angle"}, 413, "body"),
    ],
)
def test_a_wrong_request_gets_its_status_and_the_field(
    http: TestClient, body: Any, status: int, param: str
) -> None:
    content = body if isinstance(body, str) else json.dumps(body)
    answer = http.post("/score", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert ErrorResponse.model_validate_json(answer.content).error.param == param
    post(http, images=[image()], rubric="cartpole-angle")  # the server goes on serving


def test_a_body_of_another_type_is_415(http: TestClient) -> None:
    assert http.post("/score", content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nope", 404), ("GET", "/score", 405)])
def test_unknown_paths_and_methods_have_the_same_error_shape(
    http: TestClient, method: str, path: str, status: int
) -> None:
    answer = http.request(method, path)
    assert answer.status_code == status
    assert ErrorResponse.model_validate_json(answer.content).error.message


def test_info_tells_model_rubrics_and_limits(http: TestClient) -> None:
    info = ServerInfo.model_validate_json(http.get("/info").content)
    assert info.model == "fake"
    assert info.limits.max_images_per_request == 4
    asked = post(http, images=[image()], rubric="cartpole-angle").reward_id
    assert info.rubrics["cartpole-angle"].reward_id == asked


def test_a_dead_engine_is_503_and_ends_the_server(
    http: TestClient, engine: FakeEngine, failures: list[BaseException]
) -> None:
    engine.dead = True
    for _ in range(2):
        answer = http.post("/score", json={"images": [image()], "rubric": "cartpole-angle"})
        assert answer.status_code == 503
    assert http.get("/readyz").status_code == 503
    assert http.get("/livez").status_code == 200
    assert len(failures) == 1


def test_a_server_that_still_loads_is_alive_but_not_ready() -> None:
    async def never() -> Rewarder:
        await asyncio.Event().wait()
        raise AssertionError

    with application(never, SETTINGS) as http:
        assert http.get("/livez").status_code == 200
        answer = http.get("/readyz")
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0


def test_a_rubric_that_the_model_cannot_answer_is_refused_with_the_reason(engine: FakeEngine) -> None:
    rubrics = load_rubrics()
    broken = rubrics["cartpole-upright"].model_dump(mode="json")
    broken["readout"]["no"] = "long"

    async def load() -> Rewarder:
        wrong = type(rubrics["cartpole-upright"]).model_validate(broken)
        return Rewarder(engine, {"wrong": wrong, **rubrics}, SETTINGS)

    with application(load, SETTINGS) as http:
        answer = http.post("/score", json={"images": [image()], "rubric": "wrong"})
        assert answer.status_code == 422
        assert "2 tokens" in answer.text
        info = ServerInfo.model_validate_json(http.get("/info").content)
        assert info.rubrics["wrong"].reward_id is None
        assert "2 tokens" in (info.rubrics["wrong"].unavailable or "")
