"""One rubric and a text for each frame: what adapters share, and a client that is none."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from reward_client import RewardClient
from reward_client.adapters.asking import TextRubric
from reward_client.errors import InvalidRequestError, UnavailableError
from reward_client.frames import Frame, image_file
from reward_client.labeling.same_rewards import RewardsChangedError
from reward_client.rubric import Rubric
from reward_client.schema import RewardBounds, RubricDetail, ScoreResponse
from tests.fakes import response
from tests.reward_client.graded import GradedEngine, graded, grey

SHOWS = Rubric.model_validate(
    {
        "prompt": "Does the image show {text}? Answer yes or no.",
        "readout": {"type": "yes_no"},
        "reward": {"type": "probability"},
    }
)
PLAIN = SHOWS.model_copy(update={"prompt": "Is it light?"})


def shade_of(frame: Frame) -> int:
    """The shade of what would be sent."""
    with Image.open(io.BytesIO(image_file(frame))) as image:
        return int(np.asarray(image.convert("RGB"))[0, 0, 0])


class FakeClient:
    """Rewards a frame with its shade; shade 7 has no reward, and the text 'forbidden' cannot be asked."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self.rubrics = {"shows": SHOWS, "plain": PLAIN}
        self.asked: list[tuple[str, list[int]]] = []
        self.looked_up = 0
        self.delay_s, self.model, self.reward_id = delay_s, "fake", "abc"
        self.under_way, self.most, self.lock = 0, 0, threading.Lock()

    def score(self, frames: Sequence[Frame], rubric: str | Rubric) -> ScoreResponse:
        with self.lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        time.sleep(self.delay_s)
        with self.lock:
            self.under_way -= 1
        prompt = rubric if isinstance(rubric, str) else rubric.prompt
        if "forbidden" in prompt:
            raise InvalidRequestError(
                "it holds a special token", param="rubric.prompt", code="invalid_rubric"
            )
        if "gone" in prompt:
            raise UnavailableError("gone")
        if "labels" in prompt:
            raise InvalidRequestError("two tokens", param="rubric.readout.labels", code="invalid_rubric")
        shades = [shade_of(frame) for frame in frames]
        self.asked.append((prompt, shades))
        answer = response([None if shade == 7 else float(shade) for shade in shades])
        return answer.model_copy(update={"model": self.model, "reward_id": self.reward_id})

    def rubric(self, name: str) -> RubricDetail:
        self.looked_up += 1
        return RubricDetail(
            name=name,
            version=1,
            readout="yes_no",
            unit=None,
            goal=None,
            reward_bounds=RewardBounds(low=0, high=1),
            reward_id="abc",
            unavailable="it has too few tokens" if name == "unavailable" else None,
            rubric=self.rubrics.get(name, SHOWS),
            prompt=None,
            compare_prompt=None,
            prompt_tokens=None,
            forward_passes=None,
        )


def question(text: str) -> str:
    return f"Does the image show {text}? Answer yes or no."


def test_frames_with_one_text_go_in_one_request_and_come_back_in_order() -> None:
    client = FakeClient()
    items = TextRubric(client, "shows").items(
        [grey(n) for n in range(1, 6)], ["cat", "dog", "cat", "cow", "dog"]
    )
    assert [item.reward for item in items] == [1, 2, 3, 4, 5]
    assert [item.index for item in items] == [0, 1, 2, 3, 4]
    assert sorted(client.asked) == [
        (question("cat"), [1, 3]),
        (question("cow"), [4]),
        (question("dog"), [2, 5]),
    ]
    assert client.looked_up == 1


def test_a_rubric_without_a_place_for_the_text_is_asked_once_and_by_its_name() -> None:
    client = FakeClient()
    TextRubric(client, "plain").items([grey(1), grey(2)], ["cat", "dog"])
    TextRubric(client, PLAIN).items([grey(1), grey(2)], ["cat", "dog"])
    assert client.asked == [("plain", [1, 2]), ("Is it light?", [1, 2])]


def test_braces_in_a_text_or_a_prompt_are_left_alone() -> None:
    client = FakeClient()
    rubric = SHOWS.model_copy(update={"prompt": "A {set} of {text}, {text}?"})
    TextRubric(client, rubric).items([grey(1)], ["{0} {text}"])
    assert client.asked[0][0] == "A {set} of {0} {text}, {0} {text}?"


def test_requests_are_under_way_side_by_side() -> None:
    client = FakeClient(delay_s=0.05)
    TextRubric(client, "shows").items([grey(n) for n in range(8)], [f"thing {n}" for n in range(8)])
    assert client.most == 4


@pytest.mark.parametrize("text", ["forbidden", "\x00", "word " * 1000])
def test_a_text_that_cannot_be_asked_leaves_its_own_frame_without_a_reward(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    items = TextRubric(FakeClient(), "shows").items([grey(1), grey(2), grey(3)], ["cat", text, "dog"])
    assert [item.reward for item in items] == [1, None, 3]
    assert items[1].status == "failed"
    assert "the text cannot be asked" in str(items[1].message)
    assert "1 of 3" in caplog.text


def test_a_frame_that_is_not_there_is_not_sent() -> None:
    client = FakeClient()
    items = TextRubric(client, "shows").items([None, grey(2)], ["cat", "cat"])
    assert [(item.reward, item.status) for item in items] == [(None, "invalid_frame"), (2, "ok")]
    assert client.asked == [(question("cat"), [2])]
    assert TextRubric(client, "shows").items([None], ["cat"])[0].reward is None


@pytest.mark.parametrize("text", ["labels", "gone"])
def test_what_is_wrong_with_the_rubric_or_the_server_is_an_error(text: str) -> None:
    with pytest.raises((InvalidRequestError, UnavailableError)):
        TextRubric(FakeClient(), "shows").items([grey(1), grey(2)], ["cat", text])


def test_a_rubric_that_the_model_cannot_answer_is_an_error() -> None:
    with pytest.raises(ValueError, match="too few tokens"):
        TextRubric(FakeClient(), "unavailable").items([grey(1)], ["cat"])


def test_another_model_and_another_reward_id_end_it() -> None:
    client = FakeClient()
    texts, plain = TextRubric(client, "shows"), TextRubric(client, "plain")
    texts.items([grey(1)], ["cat"])
    plain.items([grey(1)], [""])
    client.reward_id = "other"
    texts.items([grey(1)], ["dog"])  # each text has a reward id of its own
    with pytest.raises(RewardsChangedError, match="abc to other"):
        plain.items([grey(1)], [""])
    client.model = "another"
    with pytest.raises(RewardsChangedError, match="model changed"):
        texts.items([grey(1)], ["dog"])


def test_the_servers_own_refusal_of_a_text_is_known() -> None:
    with graded(GradedEngine()) as server, RewardClient(f"http://127.0.0.1:{server.port}") as client:
        items = TextRubric(client, SHOWS).items([grey(51), grey(102)], ["a cat", "an <image>"])
    assert [item.reward for item in items] == [pytest.approx(0.2, abs=0.01), None]
