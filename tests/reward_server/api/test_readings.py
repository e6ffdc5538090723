"""``rubrics``: several questions to the same images, and ensembles, with a stand-in for the model."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from reward_client._protocol.joining import failed_places, merged
from reward_client.schema import ErrorResponse, ItemStatus, ReadingsResponse, RewardItem, ScoreResponse
from reward_server.engine.interface import Answer, EngineAnswerError, Question, QuestionError
from reward_server.settings import Settings
from tests.application import application, loads
from tests.fakes import FakeEngine, image

SETTINGS = Settings(max_images_per_request=4, cache_bytes=0)


def yes_no(prompt: str, **change: Any) -> dict[str, Any]:
    return {"prompt": prompt, "readout": {"type": "yes_no"}, "reward": {"type": "probability"}, **change}


class PartlyFailing(FakeEngine):
    """Fails on questions with the word 'fail'."""

    async def ask(self, images: Sequence[Image.Image], question: Question) -> Answer:
        if "fail" in question.prompt:
            await asyncio.sleep(0)
            raise EngineAnswerError("the engine could not process this frame")
        return await super().ask(images, question)


@pytest.fixture
def engine() -> FakeEngine:
    return PartlyFailing()


@pytest.fixture
def http(engine: FakeEngine) -> Iterator[TestClient]:
    with application(loads(engine, SETTINGS), SETTINGS) as client:
        yield client


def read(
    http: TestClient, *rubrics: Any, images: Sequence[str] = (image(),), **body: Any
) -> ReadingsResponse:
    answer = http.post("/score", json={"images": list(images), "rubrics": list(rubrics), **body})
    assert answer.status_code == 200, answer.text
    return ReadingsResponse.model_validate_json(answer.content)


def score(http: TestClient, rubric: Any, **body: Any) -> ScoreResponse:
    answer = http.post("/score", json={"images": [image(), image("black")], "rubric": rubric, **body})
    assert answer.status_code == 200, answer.text
    return ScoreResponse.model_validate_json(answer.content)


def test_each_rubric_reads_each_image_as_it_would_alone(http: TestClient) -> None:
    rubrics = ["cartpole-upright", "cartpole-angle", yes_no("Is it light?")]
    several = read(http, *rubrics, images=[image(), image("black")])
    assert [rubric.name for rubric in several.rubrics] == ["cartpole-upright", "cartpole-angle", None]
    for place, rubric in enumerate(rubrics):
        alone = score(http, rubric)
        assert several.items(place) == alone.data
        assert several.rubrics[place].reward_id == alone.reward_id
    assert [image.index for image in several.data] == [0, 1]
    assert several.usage.images == 2


def test_each_image_is_prepared_once_and_each_question_asked_once(
    http: TestClient, engine: FakeEngine
) -> None:
    read(http, "cartpole-upright", "cartpole-upright", yes_no("Is it light?"))
    assert len(engine.prompts) == 2
    assert engine.asked[0] is engine.asked[1]


def test_an_image_that_is_none_has_null_readings_and_costs_the_others_nothing(http: TestClient) -> None:
    answer = read(http, "cartpole-upright", "cartpole-angle", images=["AAAA", image()])
    assert [reading.status.value for reading in answer.data[0].readings] == ["invalid_frame"] * 2
    assert [reading.status.value for reading in answer.data[1].readings] == ["ok"] * 2


def test_a_question_that_the_model_cannot_be_asked_costs_the_others_nothing(http: TestClient) -> None:
    answer = read(http, "cartpole-upright", yes_no("<image>"))
    assert (answer.rubrics[1].reward_id, "special token" in str(answer.rubrics[1].unavailable)) == (
        None,
        True,
    )
    good, bad = answer.data[0].readings
    assert good.reward is not None
    assert (bad.reward, bad.status.value) == (None, "failed")
    assert "special token" in str(bad.message)


def test_a_question_that_the_engine_fails_on_costs_the_others_nothing(http: TestClient) -> None:
    good, bad = read(http, "cartpole-upright", yes_no("fail")).data[0].readings
    assert (good.status.value, bad.status.value, bad.reward) == ("ok", "failed", None)


def test_a_wrong_variable_costs_the_readings_that_it_fills_alone(http: TestClient) -> None:
    shows = yes_no("Does it show {text}?")
    answer = read(
        http,
        shows,
        "cartpole-upright",
        images=[image(), image()],
        variables=[{"text": "a cat"}, {"text": "<image>"}],
    )
    statuses = [[reading.status.value for reading in one.readings] for one in answer.data]
    assert statuses == [["ok", "ok"], ["invalid_frame", "ok"]]


@pytest.mark.parametrize(
    ("rubrics", "param", "code"),
    [
        ([], "rubrics", "too_short"),
        (["cartpole-upright"] * 17, "rubrics", "too_long"),
        (["cartpole-upright", "nothing"], "rubrics[1]", "unknown_rubric"),
        (["cartpole-upright", {"prompt": ""}], "rubrics[1].prompt", "string_too_short"),
        ([{"mean_of": ["cartpole-upright", "nothing"]}], "rubrics[0].mean_of[1]", "unknown_rubric"),
        ([{"mean_of": ["cartpole-upright"]}], "rubrics[0].mean_of", "too_short"),
        ([{"mean_of": ["cartpole-upright"] * 2, "min_rewards": 3}], "rubrics[0].min_rewards", "value_error"),
    ],
)
def test_wrong_rubrics_cost_the_request(http: TestClient, rubrics: list[Any], param: str, code: str) -> None:
    answer = http.post("/score", json={"images": [image()], "rubrics": rubrics})
    error = ErrorResponse.model_validate_json(answer.content).error
    assert (answer.status_code, error.param, error.code) == (422, param, code)


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({}, "rubric", "missing"),
        ({"rubric": "cartpole-upright", "rubrics": ["cartpole-upright"]}, "rubrics", "value_error"),
    ],
)
def test_one_of_rubric_and_rubrics_is_sent(
    http: TestClient, body: dict[str, Any], param: str, code: str
) -> None:
    answer = http.post("/score", json={"images": [image()], **body})
    error = ErrorResponse.model_validate_json(answer.content).error
    assert (answer.status_code, error.param, error.code) == (422, param, code)


def test_an_ensembles_reward_is_the_mean_and_its_spread_the_deviation(http: TestClient) -> None:
    rubrics = ["cartpole-upright", "cartpole-angle", yes_no("Is it light?")]
    alone = [score(http, rubric).data for rubric in rubrics]
    together = score(http, {"mean_of": rubrics})
    for index, item in enumerate(together.data):
        rewards = [items[index].reward or 0.0 for items in alone]
        assert item.reward == pytest.approx(statistics.fmean(rewards))
        assert item.spread == pytest.approx(statistics.pstdev(rewards))
        assert item.readings == [items[index] for items in alone]
    assert together.reward_id not in {score(http, rubric).reward_id for rubric in rubrics}
    others = ({"mean_of": rubrics[:2]}, {"mean_of": rubrics, "min_rewards": 1}, {"mean_of": rubrics[::-1]})
    assert together.reward_id not in {score(http, other).reward_id for other in others}


def test_an_ensemble_with_a_null_has_no_reward_unless_it_says_so(http: TestClient) -> None:
    rubrics = ["cartpole-upright", yes_no("fail")]
    (item, _) = score(http, {"mean_of": rubrics}).data
    assert (item.reward, item.spread, item.status.value) == (None, None, "failed")
    assert str(item.message).startswith("1 of 2 rubrics gave no reward; mean_of[1]: ")
    (item, _) = score(http, {"mean_of": rubrics, "min_rewards": 1}).data
    assert (item.reward, item.spread) == (score(http, "cartpole-upright").data[0].reward, 0.0)
    assert item.readings is not None
    assert item.readings[1].reward is None


def test_an_ensemble_is_one_of_several_rubrics_too(http: TestClient, engine: FakeEngine) -> None:
    wordings = [yes_no("Is it light?"), yes_no("Is it bright?")]
    answer = read(http, *wordings, {"mean_of": wordings})
    first, second, mean = answer.data[0].readings
    assert mean.readings == [first, second]
    assert len(engine.prompts) == 2


def test_answers_to_one_rubric_have_the_fields_that_they_had(http: TestClient) -> None:
    answer = http.post("/score", json={"images": [image()], "rubric": "cartpole-upright"}).json()
    assert set(answer) == {
        *("id", "object", "created", "model", "reward_id", "preprocess", "input_size_px", "data"),
        *("usage", "timings"),
    }
    assert set(answer["data"][0]) == {
        *("index", "object", "image_sha256", "reward", "status", "message", "value", "unit", "text"),
        *("probabilities", "label_mass", "explanation"),
    }


def test_readings_are_counted_by_rubric(http: TestClient) -> None:
    read(http, "cartpole-upright", "cartpole-lean", images=[image(), "AAAA"])
    metrics = http.get("/metrics").text
    for name in ("cartpole-upright", "cartpole-lean"):
        for status in ("ok", "invalid_frame"):
            assert f'vlm_reward_frames_total{{rubric="{name}",status="{status}"}} 1.0' in metrics


def test_the_rubrics_of_an_ensemble_are_counted_too(http: TestClient) -> None:
    both = {"mean_of": ["cartpole-upright", yes_no("Is it light?")]}
    score(http, both)
    read(http, both, "cartpole-lean", images=[image(), "AAAA"])
    metrics = http.get("/metrics").text
    counts = {
        (name, status): f'vlm_reward_frames_total{{rubric="{name}",status="{status}"}} {count}' in metrics
        for name, status, count in (
            ("ensemble", "ok", 3.0),
            ("ensemble", "invalid_frame", 1.0),  # nothing was read of it
            ("cartpole-upright", "ok", 3.0),
            ("inline", "ok", 3.0),
            ("cartpole-lean", "ok", 1.0),
            ("cartpole-lean", "invalid_frame", 1.0),
        )
    }
    assert all(counts.values()), counts
    assert 'vlm_reward_reward_count{rubric="cartpole-upright"} 3.0' in metrics


def test_what_an_image_may_be_asked_in_all_has_a_limit(http: TestClient, engine: FakeEngine) -> None:
    several = {"mean_of": ["cartpole-upright"] * 16}
    body = {"images": [image()], "rubrics": [several, several, "cartpole-lean"]}
    answer = http.post("/score", json=body)
    assert answer.status_code == 422
    assert "33 are asked about each image; the limit is 32" in answer.json()["error"]["message"]
    assert engine.prompts == []


def test_a_mean_of_fewer_after_a_failure_counts_as_failed_for_the_client(http: TestClient) -> None:
    fewer = {"mean_of": [yes_no("Is it fine?"), yes_no("Does it fail?")], "min_rewards": 1}
    answer = score(http, fewer)
    assert [item.status.value for item in answer.data] == ["ok", "ok"]
    assert failed_places(answer) == [0, 1]  # sent again: the mean of both is another reward
    kept = merged(answer, [0, 1], answer.model_copy(update={"data": [_null(item) for item in answer.data]}))
    assert [item.reward for item in kept.data] == [item.reward for item in answer.data]


def _null(item: RewardItem) -> RewardItem:
    return item.model_copy(update={"reward": None, "status": ItemStatus.FAILED})


def test_an_explanation_that_does_not_fit_costs_no_rubric_its_reward(
    http: TestClient, engine: FakeEngine
) -> None:
    """The request is told so, in place of nulls for rubrics that could be answered."""

    def short(prompt: str, labels: Sequence[str], images: int = 1, max_tokens: int = 1) -> Question:
        if max_tokens > 1:
            raise QuestionError("prompt", "the prompt leaves no room for an answer")
        return FakeEngine().question(prompt, labels, images, max_tokens)

    engine.question = short  # type: ignore[method-assign]
    rubrics = [yes_no("Is it light?"), yes_no("Is it dark?")]
    assert read(http, *rubrics).data[0].readings[1].reward is not None
    body = {"images": [image()], "rubrics": rubrics, "explain": True}
    refused = http.post("/score", json=body)
    assert (refused.status_code, refused.json()["error"]["param"]) == (422, "explain")
