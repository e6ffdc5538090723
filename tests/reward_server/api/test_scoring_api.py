"""Rubrics, text answers, explanations, the cache and comparisons over HTTP, with a stand-in for the model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient

from reward_client.schema import (
    CompareResponse,
    ComparisonItem,
    ErrorResponse,
    RewardItem,
    RubricDetail,
    RubricList,
    ScoreResponse,
    ServerInfo,
)
from reward_server.rubrics.loading import load_rubrics
from reward_server.settings import Settings
from tests.application import application, loads
from tests.fakes import FakeEngine, image

SETTINGS = Settings(max_images_per_request=4)
UPRIGHT = {"rubric": "cartpole-upright"}
ANGLE_TEXT = {"rubric": "cartpole-degrees-text"}


@contextmanager
def serving(engine: FakeEngine, settings: Settings = SETTINGS) -> Iterator[TestClient]:
    with application(loads(engine, settings), settings) as client:
        yield client


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def http(engine: FakeEngine) -> Iterator[TestClient]:
    with serving(engine) as client:
        yield client


def score(http: TestClient, **body: Any) -> ScoreResponse:
    answer = http.post("/score", json=body)
    assert answer.status_code == 200, answer.text
    return ScoreResponse.model_validate_json(answer.content)


def one(http: TestClient, **body: Any) -> RewardItem:
    (item,) = score(http, images=[image()], **body).data
    return item


def compare(http: TestClient, *pairs: tuple[str, str], **body: Any) -> CompareResponse:
    sent = [{"first": first, "second": second} for first, second in pairs]
    answer = http.post("/compare", json={"pairs": sent, **UPRIGHT, **body})
    assert answer.status_code == 200, answer.text
    return CompareResponse.model_validate_json(answer.content)


def test_a_text_is_read_as_a_number(http: TestClient, engine: FakeEngine) -> None:
    engine.text = "The pole is tilted at a 3-degree angle to the left."
    item = one(http, **ANGLE_TEXT)
    assert (item.value, item.unit, item.text) == (-3.0, "deg", engine.text)
    assert item.reward == pytest.approx(0.75)


@pytest.mark.parametrize("text", ["", "The pole is upright.", "It is 10-15 degrees."])
def test_a_text_that_states_no_one_number_is_unparsable(
    http: TestClient, engine: FakeEngine, text: str
) -> None:
    engine.text = text
    item = one(http, **ANGLE_TEXT)
    assert (item.reward, item.value, item.status.value, item.text) == (None, None, "unparsable", text)
    assert item.message


def test_a_text_that_was_cut_off_is_unparsable(http: TestClient, engine: FakeEngine) -> None:
    engine.text, engine.truncated = "The angle is 4", True
    assert one(http, **ANGLE_TEXT).status.value == "unparsable"


def test_a_reward_that_is_not_finite_never_leaves(http: TestClient, engine: FakeEngine) -> None:
    engine.text = "30"
    rubric = {"prompt": "?", "readout": {"type": "number"}, "reward": {"type": "affine", "scale": 1e308}}
    item = one(http, rubric=rubric)
    assert (item.reward, item.status.value, item.message) == (None, "failed", "the reward is not finite")


def test_an_explanation_has_the_text_beside_the_reading(http: TestClient, engine: FakeEngine) -> None:
    engine.text = "It leans 3 degrees to the left."
    answer = score(http, images=[image()], rubric="cartpole-angle", explain=True)
    (item,) = answer.data
    assert item.explanation is not None
    assert item.explanation.text == engine.text
    assert item.explanation.readouts["number"].value == -3.0
    assert item.explanation.readouts["expectation"].value == item.value
    assert item.explanation.readouts["choice"].label == "96"
    assert answer.usage.completion_tokens == 4
    assert one(http, rubric="cartpole-angle").explanation is None


def test_a_frame_that_was_asked_before_costs_nothing(http: TestClient, engine: FakeEngine) -> None:
    first = score(http, images=[image("black"), image("white")], **UPRIGHT)
    second = score(http, images=[image("white"), image("grey"), image("black")], **UPRIGHT)
    assert (first.usage.cached_images, second.usage.cached_images) == (0, 2)
    assert len(engine.asked) == 3
    assert second.usage.prompt_tokens == 10
    assert second.data[2] == first.data[0].model_copy(update={"index": 2})
    assert second.data[0] == first.data[1].model_copy(update={"index": 0})


@pytest.mark.parametrize(
    "change",
    [
        {"rubric": "cartpole-lean"},
        {"preprocess": "stretch"},
        {"preprocess": {"type": "region", "box": [0, 0, 1, 0.5]}},
        {"explain": True},
    ],
)
def test_another_question_is_asked_anew(http: TestClient, change: dict[str, Any]) -> None:
    first = score(http, images=[image()], **UPRIGHT)
    second = score(http, images=[image()], **{**UPRIGHT, **change})
    assert second.usage.cached_images == 0
    assert (first.reward_id == second.reward_id) == ("explain" in change)


@pytest.mark.parametrize("status", ["unparsable", "low_label_mass"])
def test_an_answer_without_a_reward_is_remembered_as_such(
    http: TestClient, engine: FakeEngine, status: str
) -> None:
    engine.text, engine.label_mass = "nothing", 0.1
    rubric = ANGLE_TEXT if status == "unparsable" else UPRIGHT
    first, second = (score(http, images=[image()], **rubric) for _ in range(2))
    assert first.data[0].status.value == status
    assert second.data == first.data
    assert second.usage.cached_images == 1


def test_a_failure_is_not_kept(http: TestClient, engine: FakeEngine) -> None:
    engine.failing = True
    assert one(http, **UPRIGHT).status.value == "failed"
    engine.failing = False
    assert one(http, **UPRIGHT).status.value == "ok"


def test_without_a_cache_every_frame_is_asked(engine: FakeEngine) -> None:
    with serving(engine, Settings(cache_bytes=0)) as http:
        for _ in range(2):
            assert score(http, images=[image()], **UPRIGHT).usage.cached_images == 0
    assert len(engine.asked) == 2


def test_the_preprocessing_is_reported(http: TestClient) -> None:
    region = {"type": "region", "box": [0.25, 0.0, 0.75, 1.0]}
    answer = http.post("/score", json={"images": [image()], **UPRIGHT, "preprocess": region}).json()
    assert answer["preprocess"] == region
    assert answer["input_size_px"] == 32
    assert http.post("/score", json={"images": [image()], **UPRIGHT}).json()["preprocess"] == "pad"


def test_rubrics_are_listed_with_their_bounds(http: TestClient) -> None:
    listed = RubricList.model_validate_json(http.get("/rubrics").content).data
    assert [entry.name for entry in listed] == sorted(load_rubrics())
    info = ServerInfo.model_validate_json(http.get("/info").content)
    for entry in listed:
        bounds = (-1.0, 0.0) if entry.name.startswith("mountaincar") else (0.0, 1.0)
        assert (entry.reward_bounds.low, entry.reward_bounds.high) == pytest.approx(bounds)
        assert entry.reward_id == info.rubrics[entry.name].reward_id


def test_a_rubric_shows_the_exact_prompt(http: TestClient, engine: FakeEngine) -> None:
    detail = RubricDetail.model_validate_json(http.get("/rubrics/cartpole-upright").content)
    assert detail.rubric == load_rubrics()["cartpole-upright"]
    one(http, **UPRIGHT)
    compare(http, (image("white"), image("black")))
    assert engine.prompts == [detail.prompt, detail.compare_prompt, detail.compare_prompt]
    assert (detail.forward_passes, detail.prompt_tokens) == (1, 11)


def test_an_unknown_rubric_is_404(http: TestClient) -> None:
    answer = http.get("/rubrics/nope")
    assert answer.status_code == 404
    assert ErrorResponse.model_validate_json(answer.content).error.code == "unknown_rubric"


def test_a_pair_is_asked_in_both_orders(http: TestClient, engine: FakeEngine) -> None:
    # the stand-in looks at brightness alone, so its answer does not follow the order
    answer = compare(http, (image("white"), image("black")))
    (item,) = answer.data
    assert answer.composed
    assert [picture.size for picture in engine.asked] == [(32, 32), (32, 32)]
    assert engine.asked[0] != engine.asked[1]
    assert [order.shown_first for order in item.orders] == ["first", "second"]
    assert item.consistent is False
    assert item.probability == pytest.approx(0.5)


def test_a_model_that_takes_two_images_gets_two() -> None:
    engine = FakeEngine(images_per_prompt=2)
    with serving(engine) as http:
        answer = compare(http, (image("white"), image("black")))
    (item,) = answer.data
    assert not answer.composed
    assert [picture.getpixel((16, 16)) for picture in engine.asked] == [
        (255, 255, 255),
        (0, 0, 0),
        (0, 0, 0),
        (255, 255, 255),
    ]
    # it prefers the second image where the first is light, and the first where it is dark: the black one
    assert (item.preference, item.consistent) == ("second", True)
    assert item.probability == pytest.approx(0.1)
    assert "<image><image>" in engine.prompts[0]


def test_a_bad_image_spoils_its_own_pair_alone(http: TestClient) -> None:
    items = compare(http, (image(), "AAAA"), (image("white"), image("black"))).data
    assert [item.status.value for item in items] == ["invalid_frame", "ok"]
    assert (items[0].preference, items[0].message) == (None, "second: not a PNG or JPEG image")


def test_an_answer_outside_the_labels_prefers_nothing(http: TestClient, engine: FakeEngine) -> None:
    engine.label_mass = 0.2
    (item,) = compare(http, (image("white"), image("black"))).data
    assert (item.preference, item.status.value) == (None, "low_label_mass")
    assert len(item.orders) == 2


def test_a_compared_pair_is_remembered(http: TestClient, engine: FakeEngine) -> None:
    pair = (image("white"), image("black"))
    first, second = compare(http, pair), compare(http, pair, pair)
    assert (first.usage.cached_images, second.usage.cached_images) == (0, 4)
    assert len(engine.asked) == 2
    assert second.data[1] == first.data[0].model_copy(update={"index": 1})
    swapped = compare(http, (pair[1], pair[0]))
    assert swapped.usage.cached_images == 2  # the same two questions about the same images
    (there,), (back,) = first.data, swapped.data
    assert back.probability == pytest.approx(1.0 - (there.probability or 0.0))
    assert [order.text for order in back.orders] == [order.text for order in reversed(there.orders)]


def test_a_dead_engine_is_503_for_pairs_too(http: TestClient, engine: FakeEngine) -> None:
    engine.dead = True
    pairs = [{"first": image("white"), "second": image("black")}]
    assert http.post("/compare", json={"pairs": pairs, **UPRIGHT}).status_code == 503
    assert http.get("/readyz").status_code == 503


PAIR = {"first": "AAAA", "second": "AAAA"}
INLINE = {"prompt": "x", "readout": {"type": "yes_no"}, "reward": {"type": "probability"}}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"pairs": [], **UPRIGHT}, "pairs"),
        ({"pairs": [PAIR] * 3, **UPRIGHT}, "pairs"),
        ({"pairs": [{"first": "AAAA"}], **UPRIGHT}, "pairs.0.second"),
        ({"pairs": [PAIR], "rubric": "nope"}, "rubric"),
        ({"pairs": [PAIR], "rubric": INLINE}, "rubric.goal"),
        ({"pairs": [PAIR], "rubric": {**INLINE, "goal": "an <image>"}}, "rubric.goal"),
        ({"pairs": [PAIR], **UPRIGHT, "explain": True}, "explain"),
    ],
)
def test_a_wrong_comparison_is_422_with_the_field(http: TestClient, body: Any, param: str) -> None:
    answer = http.post("/compare", json=body)
    assert answer.status_code == 422, answer.text
    assert ErrorResponse.model_validate_json(answer.content).error.param == param


def test_a_comparison_survives_the_wire(http: TestClient) -> None:
    (item,) = compare(http, (image("white"), image("black"))).data
    assert ComparisonItem.model_validate_json(item.model_dump_json()) == item
