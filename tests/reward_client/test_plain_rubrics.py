"""A plain dictionary is a rubric wherever a rubric is taken, and what is wrong with it is told by field."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any

import gymnasium as gym
import httpx
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from reward_client import AsyncRewardClient, Rubric
from reward_client.adapters import OpenRLHFReward, TextToImageReward, TRLReward, VerlReward
from reward_client.client import RewardClient
from reward_client.labeling.async_labeler import AsyncLabeler
from reward_client.labeling.labeler import Labeler
from reward_client.wording.given_rubric import RubricContentError
from reward_client.wrappers import VLMReward, vector
from tests.reward_client.graded import graded, grey
from tests.reward_client.shades import Shade

BASE_URL = "http://server"
LIGHT: dict[str, Any] = {
    "prompt": "Is it light?",
    "readout": {"type": "yes_no"},
    "reward": {"type": "probability"},
}
SHOWS = {**LIGHT, "prompt": "Does it show {text}?"}
MEAN: dict[str, Any] = {"mean_of": [LIGHT, Rubric.model_validate(LIGHT), "cartpole-upright"]}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with graded() as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture
def client(url: str) -> Iterator[RewardClient]:
    with RewardClient(url) as client:
        yield client


@pytest.mark.parametrize("given", [LIGHT, MappingProxyType(LIGHT), MEAN])
def test_a_dictionary_is_asked_as_the_rubric_with_its_fields(client: RewardClient, given: Any) -> None:
    answer = client.score([grey(51)], given)
    assert answer.data[0].reward == pytest.approx(0.2, abs=0.01)
    if "prompt" in given:
        assert answer.reward_id == client.score([grey(51)], Rubric.model_validate(LIGHT)).reward_id


def test_several_rubrics_may_be_dictionaries(client: RewardClient, url: str) -> None:
    async def asked() -> list[float | None]:
        async with AsyncRewardClient(url) as twin:
            answer = await twin.score_rubrics([grey(51)], [LIGHT, "cartpole-upright", MEAN])
            return [item.reward for item in answer.data[0].readings]

    readings = client.score_rubrics([grey(51)], [LIGHT, "cartpole-upright", MEAN]).data[0].readings
    assert [item.reward for item in readings] == pytest.approx([0.2] * 3, abs=0.01)
    assert asyncio.run(asked()) == [item.reward for item in readings]


def test_pairs_are_compared_by_a_dictionary_with_a_goal(client: RewardClient) -> None:
    answer = client.compare([(grey(200), grey(20))], {**LIGHT, "goal": "the picture is light"})
    assert answer.data[0].status == "ok"
    with pytest.raises(ValueError, match="not by an ensemble"):
        client.compare([(grey(200), grey(20))], MEAN)


def vector_env(client: RewardClient, rubric: Any) -> Any:
    envs = SyncVectorEnv([lambda: Shade("rgb_array")] * 2, autoreset_mode=AutoresetMode.NEXT_STEP)
    return vector.VLMReward(envs, client, rubric, on_null="raise")


def no_frame(_: object) -> None:
    return None


TAKERS: dict[str, Callable[[RewardClient, Any], Any]] = {
    "score": lambda client, rubric: client.score([grey(1)], rubric),
    "score_rubrics": lambda client, rubric: client.score_rubrics([grey(1)], ["cartpole-upright", rubric]),
    "compare": lambda client, rubric: client.compare([(grey(1), grey(2))], rubric),
    "Labeler": Labeler,
    "AsyncLabeler": lambda client, rubric: AsyncLabeler(AsyncRewardClient(BASE_URL), rubric),
    "wrapper": lambda client, rubric: VLMReward(Shade("rgb_array"), client, rubric, on_null="raise"),
    "vector wrapper": vector_env,
    "TRL": TRLReward,
    "verl": lambda client, rubric: VerlReward(client, rubric, frame_of=no_frame, on_null="raise"),
    "OpenRLHF": lambda client, rubric: OpenRLHFReward(client, rubric, frame_of=no_frame, on_null="raise"),
    "text to image": lambda client, rubric: TextToImageReward(client, rubric, on_null="raise"),
}


@pytest.mark.parametrize("taker", TAKERS.values(), ids=TAKERS)
@pytest.mark.parametrize(
    ("rubric", "message"),
    [
        ({**LIGHT, "readout": {"type": "yes_no", "min_label_mass": 2}}, r"\.readout\.min_label_mass: "),
        ({**LIGHT, "prompts": "Is it?"}, r"\.prompts: Extra"),
        ({"mean_of": [LIGHT, {**LIGHT, "prompt": " "}]}, r"\.mean_of\[1\]\.prompt: must not be blank"),
        (7, " is of type int; pass a rubric's name"),
    ],
)
def test_a_wrong_field_is_named_before_anything_is_sent(
    taker: Callable[..., Any], rubric: Any, message: str
) -> None:
    sent: list[httpx.Request] = []
    with (
        RewardClient(BASE_URL, transport=httpx.MockTransport(sent.append)) as client,  # type: ignore[arg-type]
        pytest.raises(RubricContentError, match=rf"^rubrics?(\[1\])?{message}") as refused,
    ):
        taker(client, rubric)
    assert refused.value.param == str(refused.value).split(": ")[0].split(" is ")[0]
    assert sent == []


@pytest.mark.parametrize("rubric", [LIGHT, MEAN, {"mean_of": [SHOWS, LIGHT]}])
def test_wrappers_labelers_and_adapters_ask_what_the_dictionary_says(
    client: RewardClient, rubric: Any
) -> None:
    if "text" not in str(rubric):
        env = VLMReward(Shade("rgb_array", first=50), client, rubric, on_null="raise")
        env.reset()
        assert env.step(env.action_space.sample())[1] == pytest.approx(0.2, abs=0.01)
        envs: gym.vector.VectorEnv[Any, Any, Any] = vector_env(client, rubric)
        envs.reset()
        assert envs.step(envs.action_space.sample())[1] == pytest.approx([11 / 255] * 2, abs=0.01)
        with Labeler(client, rubric) as labeler:
            labeler.submit(grey(51))
            assert labeler.end_chunk().result()[0].reward == pytest.approx(0.2, abs=0.01)
    rewards = TextToImageReward(client, rubric, on_null="raise")([grey(51)], ["a cat"])
    assert rewards == pytest.approx([0.2], abs=0.01)
    assert TRLReward(client, rubric)(["?"], ["a cat"], image=[grey(51)]) == pytest.approx([0.2], abs=0.01)


def test_a_dictionary_may_be_changed_after_it_was_given(client: RewardClient) -> None:
    given = {**LIGHT, "readout": dict(LIGHT["readout"])}
    reward = TextToImageReward(client, given, on_null="raise")
    given["readout"]["yes"] = given["prompt"] = ""
    assert reward([grey(51)], [""]) == pytest.approx([0.2], abs=0.01)
