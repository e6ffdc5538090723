"""The client's variables, several rubrics and ensembles, against a server with a stand-in for the model."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from PIL import Image

from reward_client import AsyncRewardClient, Ensemble, ReadingsResponse, RewardClient, Rubric, ScoreResponse
from reward_client.errors import InvalidRequestError
from reward_server.engine.interface import Answer, EngineAnswerError, Question
from tests.reward_client.graded import GradedEngine, graded, grey


def yes_no(prompt: str) -> Rubric:
    return Rubric.model_validate(
        {"prompt": prompt, "readout": {"type": "yes_no"}, "reward": {"type": "probability"}}
    )


SHOWS, LIGHT, SHAKY = yes_no("Does it show {text}?"), yes_no("Is it light?"), yes_no("Is it shaky?")


class Shaky(GradedEngine):
    """Fails on the first frame that it is asked a shaky question about, once."""

    def __init__(self) -> None:
        super().__init__()
        self.failures = 1

    async def ask(self, images: Sequence[Image.Image], question: Question) -> Answer:
        self.prompts.append(question.prompt)
        if "shaky" in question.prompt and self.failures:
            self.failures -= 1
            raise EngineAnswerError("not this time")
        return await super().ask(images, question)


@pytest.fixture
def engine() -> GradedEngine:
    return Shaky()


@pytest.fixture
def url(engine: GradedEngine) -> Iterator[str]:
    with graded(engine, max_images_per_request=2) as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.mark.parametrize("body", ["array", "png"])
def test_texts_stay_with_their_frames_over_several_requests(
    url: str, engine: GradedEngine, body: Any
) -> None:
    frames, texts = [grey(51 * n) for n in range(1, 6)], [f"thing {n}" for n in range(1, 6)]
    with RewardClient(url, body=body) as client:
        client.info()
        answer = client.score(frames, SHOWS, variables=[{"text": text} for text in texts])
    assert [item.reward for item in answer.data] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0], abs=0.01)
    assert sorted(engine.prompts) == [f"<image>Does it show {text}?" for text in texts]


def test_several_rubrics_come_back_in_order_and_failed_ones_are_asked_again(url: str) -> None:
    frames = [grey(51 * n) for n in range(1, 4)]
    ensemble = Ensemble(mean_of=[LIGHT, "cartpole-upright"])
    with RewardClient(url) as client:
        answer = client.score_rubrics(frames, [LIGHT, SHAKY, ensemble, yes_no("<image>")])
    assert [image.index for image in answer.data] == [0, 1, 2]
    assert answer.usage.images == 3
    for place in range(3):
        rewards = [item.reward for item in answer.items(place)]
        assert rewards == pytest.approx([0.2, 0.4, 0.6], abs=0.01)
    assert [item.index for item in answer.items(2)[1].readings or []] == [1, 1]
    assert [item.reward for item in answer.items(3)] == [None] * 3
    assert answer.rubrics[3].unavailable


def test_the_asynchronous_client_asks_the_same(url: str) -> None:
    async def run() -> tuple[ScoreResponse, ReadingsResponse]:
        async with AsyncRewardClient(url) as client:
            texts = [{"text": "a cat"}]
            answer = await client.score([grey(51)], SHOWS, variables=texts)
            return answer, await client.score_rubrics([grey(51)], [SHOWS], variables=texts)

    answer, several = asyncio.run(run())
    assert [item.reward for item in several.items(0)] == [item.reward for item in answer.data]
    assert several.rubrics[0].reward_id == answer.reward_id


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ([{"text": "a"}] * 2, "2 variables for 1 frames"),
        (["a"], r"variables\[0\] is of type str"),
        ([{f"name{at}": "a" for at in range(17)}], r"variables\[0\] has 17 names; the limit is 16$"),
        ([{"text": None}], r"variables\[0\].text must be a text or a number"),
        ([{"text": "\ud800"}], r"variables\[0\].text holds a lone surrogate"),
    ],
)
def test_wrong_variables_are_refused_before_anything_is_sent(
    url: str, engine: GradedEngine, variables: Any, message: str
) -> None:
    with RewardClient(url) as client, pytest.raises(ValueError, match=message):
        client.score([grey(1)], SHOWS, variables=variables)
    assert engine.prompts == []


@pytest.mark.parametrize("rubrics", [[], ["x"] * 17, "cartpole-upright", [3]])
def test_wrong_rubrics_are_refused_before_anything_is_sent(url: str, rubrics: Any) -> None:
    with RewardClient(url) as client, pytest.raises(ValueError, match="rubric"):
        client.score_rubrics([grey(1)], rubrics)


def test_missing_variables_are_the_servers_error(url: str) -> None:
    with RewardClient(url) as client, pytest.raises(InvalidRequestError, match="places for text"):
        client.score([grey(1)], SHOWS)
