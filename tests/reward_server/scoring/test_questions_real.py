"""Texts beside images, several rubrics and ensembles on real vLLM with the shipped checkpoint."""

from __future__ import annotations

import statistics

import pytest

from reward_client import Ensemble, RewardClient, Rubric
from tiny_llava.report.measures import fresh_frames

pytestmark = pytest.mark.vllm

TOLERANCE = 1e-4
"""As ``test_scoring_real.BATCH_TOLERANCE``: other questions go along in the batch."""

WHICH = Rubric.model_validate(
    {
        "prompt": "Is the {thing} upright? Answer yes or no.",
        "readout": {"type": "yes_no"},
        "reward": {"type": "probability"},
    }
)


def test_each_frame_is_asked_with_its_own_text(client: RewardClient) -> None:
    frames = fresh_frames(8).frames
    things = [{"thing": "pole"}, {"thing": "cart"}] * 4
    answer = client.score(frames, WHICH, variables=things)
    filled = {
        thing: WHICH.model_copy(update={"prompt": WHICH.prompt.format(thing=thing)})
        for thing in ("pole", "cart")
    }
    for frame, values, item in zip(frames, things, answer.data, strict=True):
        (alone,) = client.score([frame], filled[values["thing"]]).data
        assert (item.status, item.text) == (alone.status, alone.text)
        assert item.reward == pytest.approx(alone.reward, abs=TOLERANCE)


def test_a_special_token_in_a_text_costs_its_own_frame(client: RewardClient) -> None:
    frames = fresh_frames(3).frames
    texts = [{"text": "a pole"}, {"text": "two <image>"}, {"text": "a cart"}]
    items = client.score(frames, "image-matches-text", variables=texts).data
    assert [item.status.value == "invalid_frame" for item in items] == [False, True, False]
    assert str(items[1].message).startswith("variables[1].text: ")


def test_several_rubrics_and_their_mean_read_as_each_does_alone(client: RewardClient) -> None:
    frames = fresh_frames(8).frames
    rubrics = ["cartpole-upright", "cartpole-angle", "cartpole-rating"]
    answer = client.score_rubrics(frames, [*rubrics, Ensemble(mean_of=[*rubrics])])
    alone = [client.score(frames, rubric) for rubric in rubrics]
    for place, one in enumerate(alone):
        assert answer.rubrics[place].reward_id == one.reward_id
        for reading, item in zip(answer.items(place), one.data, strict=True):
            assert reading.reward == pytest.approx(item.reward, abs=TOLERANCE)
    for image in answer.data:
        *readings, mean = image.readings
        assert mean.reward == pytest.approx(statistics.fmean(one.reward or 0.0 for one in readings))
        assert mean.readings == readings
