"""``variables``: each image's own text in the place of a prompt, with a stand-in for the model."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from reward_client.schema import ErrorBody, ErrorResponse, RubricDetail, ScoreResponse
from reward_server.settings import Settings
from tests.application import application, loads
from tests.fakes import FakeEngine, image

SETTINGS = Settings(max_images_per_request=4)
YES_NO = {"readout": {"type": "yes_no"}, "reward": {"type": "probability"}}
SHOWS = {"prompt": "Does it show {text}?", **YES_NO}


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def http(engine: FakeEngine) -> Iterator[TestClient]:
    with application(loads(engine, SETTINGS), SETTINGS) as client:
        yield client


def score(http: TestClient, *variables: Any, **body: Any) -> ScoreResponse:
    sent = {"images": [image()] * len(variables), "rubric": SHOWS, "variables": list(variables), **body}
    answer = http.post("/score", content=json.dumps(sent), headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    return ScoreResponse.model_validate_json(answer.content)


def refused(http: TestClient, **body: Any) -> ErrorBody:
    answer = http.post("/score", json={"images": [image()], "rubric": SHOWS, **body})
    assert answer.status_code == 422, answer.text
    return ErrorResponse.model_validate_json(answer.content).error


def test_each_image_is_asked_about_its_own_text(http: TestClient, engine: FakeEngine) -> None:
    answer = score(http, {"text": "a cat"}, {"text": "a {text} in {{braces}}"}, {"text": 3})
    assert sorted(engine.prompts) == [
        "<image>Does it show 3?",
        "<image>Does it show a cat?",
        "<image>Does it show a {text} in {{braces}}?",
    ]
    assert [item.status.value for item in answer.data] == ["ok"] * 3


def test_a_repeated_text_is_answered_from_the_cache_and_another_one_is_not(
    http: TestClient, engine: FakeEngine
) -> None:
    first = score(http, {"text": "a cat"})
    second = score(http, {"text": "a cat"}, {"text": "a dog"})
    assert (first.usage.cached_images, second.usage.cached_images) == (0, 1)
    assert len(engine.prompts) == 2
    assert first.reward_id == second.reward_id, "it is of the rubric, whatever fills its prompt"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("an <image> of a cat", "special token"),
        ("nul \x00", "control character U\\+0000"),
        ("half \ud800", "lone surrogate"),
        ("x" * 2001, "has 2001 characters; the limit is 2000"),
    ],
)
def test_a_wrong_text_costs_its_own_image_alone(http: TestClient, text: str, message: str) -> None:
    answer = score(http, {"text": "a cat"}, {"text": text}, {"text": "a dog"})
    assert [item.status.value for item in answer.data] == ["ok", "invalid_frame", "ok"]
    item = answer.data[1]
    assert item.reward is None
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(item.message)
    assert str(item.message).startswith("variables[1].text: ")


def test_a_blank_text_is_asked_but_a_blank_prompt_is_not(http: TestClient, engine: FakeEngine) -> None:
    assert score(http, {"text": ""}).data[0].status.value == "ok"
    item = score(http, {"text": " "}, rubric={**SHOWS, "prompt": "{text}"}).data[0]
    assert (item.status.value, item.message) == (
        "invalid_frame",
        "variables[0]: with it the prompt is blank",
    )
    assert engine.prompts == ["<image>Does it show ?"]


def test_the_value_that_is_at_fault_is_named(http: TestClient) -> None:
    rubric = {**SHOWS, "prompt": "Is {first} left of {second}{third}?"}
    good = {"first": "it", "second": "<im", "third": "x"}
    answer = score(http, {**good, "first": "<image>"}, {**good, "third": "age>"}, good, rubric=rubric)
    assert [item.reward is None for item in answer.data] == [True, True, False]
    assert str(answer.data[0].message).startswith("variables[0].first: ")
    assert str(answer.data[1].message).startswith("variables[1]: ")


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({}, "variables", "missing"),
        ({"variables": []}, "variables", "variables_and_images_differ"),
        ({"variables": [{"text": "a"}] * 2}, "variables", "variables_and_images_differ"),
        ({"variables": [{}]}, "variables[0].text", "wrong_names"),
        ({"variables": [{"text": "a", "other": "b"}]}, "variables[0].other", "wrong_names"),
        ({"variables": ["a"]}, "variables[0]", "dict_type"),
        ({"variables": {"text": "a"}}, "variables", "list_type"),
        ({"variables": [{"text": None}]}, "variables[0].text", "value_error"),
        ({"variables": [{"text": True}]}, "variables[0].text", "value_error"),
        ({"variables": [{"text": ["a"]}]}, "variables[0].text", "value_error"),
        ({"variables": [{f"v{n}": "a" for n in range(17)}]}, "variables[0]", "value_error"),
        ({"variables": [{"text": "a"}], "rubric": "cartpole-upright"}, "variables", "unused_variables"),
    ],
)
def test_a_wrong_shape_costs_the_request(
    http: TestClient, engine: FakeEngine, body: dict[str, Any], param: str, code: str
) -> None:
    error = refused(http, **body)
    assert (error.param, error.code) == (param, code)
    assert engine.prompts == []


@pytest.mark.parametrize("prompt", ['Answer as {"angle": 3}.', "{{3}} and {} and {0} and {a b}", "{", "}}"])
def test_braces_without_a_name_in_them_are_text_as_they_always_were(
    http: TestClient, engine: FakeEngine, prompt: str
) -> None:
    answer = http.post("/score", json={"images": [image()], "rubric": {**SHOWS, "prompt": prompt}})
    assert answer.status_code == 200, answer.text
    assert engine.prompts == [f"<image>{prompt}"]


def test_a_name_in_double_braces_is_that_name_in_single_ones(http: TestClient, engine: FakeEngine) -> None:
    prompt = "Answer as {{angle}}."
    answer = http.post("/score", json={"images": [image()], "rubric": {**SHOWS, "prompt": prompt}})
    assert answer.status_code == 200, answer.text
    assert engine.prompts == ["<image>Answer as {angle}."]


def test_doubled_braces_of_a_template_are_single_ones(http: TestClient, engine: FakeEngine) -> None:
    score(http, {"text": "a cat"}, rubric={**SHOWS, "prompt": "{{text}} {text} {"})
    assert engine.prompts == ["<image>{text} a cat {"]


def test_an_explanation_is_of_the_filled_prompt(http: TestClient, engine: FakeEngine) -> None:
    answer = score(http, {"text": "a cat"}, explain=True)
    assert engine.prompts == ["<image>Does it show a cat?"] * 2
    assert answer.data[0].explanation is not None


def test_the_binary_body_carries_them(http: TestClient, engine: FakeEngine) -> None:
    question = json.dumps({"rubric": SHOWS, "variables": [{"text": "a cat"}]})
    files = {"images": ("images", base64.b64decode(image()))}
    answer = http.post("/score", data={"request": question}, files=files)
    assert answer.status_code == 200, answer.text
    assert engine.prompts == ["<image>Does it show a cat?"]


def test_the_shipped_rubric_is_listed_with_its_place_unfilled(http: TestClient) -> None:
    detail = RubricDetail.model_validate_json(http.get("/rubrics/image-matches-text").content)
    assert detail.prompt == '<image>Does this picture show "{text}"? Answer yes or no.'
    assert detail.reward_id
    answer = score(http, {"text": "a cat"}, rubric="image-matches-text")
    assert answer.reward_id == detail.reward_id
