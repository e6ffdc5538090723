"""One rubric and a text for each frame: what adapters share, and a client that is none."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from PIL import Image

from reward_client import RewardClient
from reward_client.adapters.asking import TextRubric
from reward_client.errors import UnavailableError
from reward_client.frames import Frame, image_file
from reward_client.labeling.same_rewards import RewardsChangedError
from reward_client.rubric import Rubric
from reward_client.schema import RewardBounds, RubricDetail, ScoreResponse
from reward_client.wording.ensemble import AnyRubric
from reward_client.wording.variables import Value
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

    def __init__(self) -> None:
        self.rubrics = {"shows": SHOWS, "plain": PLAIN}
        self.asked: list[tuple[str, list[int], list[str] | None]] = []
        self.looked_up = 0
        self.reward_id = "abc"

    def score(
        self,
        frames: Sequence[Frame],
        rubric: AnyRubric,
        *,
        variables: Sequence[Mapping[str, Value]] | None = None,
    ) -> ScoreResponse:
        prompt = rubric.prompt if isinstance(rubric, Rubric) else str(rubric)
        if "gone" in prompt:
            raise UnavailableError("gone")
        shades = [shade_of(frame) for frame in frames]
        texts = None if variables is None else [str(values["text"]) for values in variables]
        self.asked.append((prompt, shades, texts))
        nulls = [text == "forbidden" for text in texts or [""] * len(shades)]
        rewards = [
            None if shade == 7 or null else float(shade) for shade, null in zip(shades, nulls, strict=True)
        ]
        return response(rewards).model_copy(update={"reward_id": self.reward_id})

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


def test_all_frames_go_in_one_request_each_with_its_own_text(caplog: pytest.LogCaptureFixture) -> None:
    client = FakeClient()
    items = TextRubric(client, "shows").items(
        [grey(n) for n in range(1, 6)], ["cat", "dog", "cat", "{cow}", "forbidden"]
    )
    assert [item.reward for item in items] == [1, 2, 3, 4, None]
    assert [item.index for item in items] == [0, 1, 2, 3, 4]
    assert client.asked == [("shows", [1, 2, 3, 4, 5], ["cat", "dog", "cat", "{cow}", "forbidden"])]
    assert client.looked_up == 1
    assert "1 of 5" in caplog.text


def test_a_rubric_without_a_place_for_the_text_is_asked_without_it() -> None:
    client = FakeClient()
    TextRubric(client, "plain").items([grey(1), grey(2)], ["cat", "dog"])
    TextRubric(client, PLAIN).items([grey(1), grey(2)], ["cat", "\x00"])
    assert client.asked == [("plain", [1, 2], None), ("Is it light?", [1, 2], None)]


def test_a_rubric_with_another_place_is_an_error() -> None:
    rubric = SHOWS.model_copy(update={"prompt": "A {set} of {text}?"})
    with pytest.raises(ValueError, match=r"has the place \{set\}.*write \{\{set\}\}"):
        TextRubric(FakeClient(), rubric).items([grey(1)], ["cat"])


@pytest.mark.parametrize("text", ["\x00", "word " * 1000, "\ud800"])
def test_a_text_that_cannot_be_sent_leaves_its_own_frame_without_a_reward(text: str) -> None:
    client = FakeClient()
    items = TextRubric(client, "shows").items([grey(1), grey(2), grey(3)], ["cat", text, "dog"])
    assert [item.reward for item in items] == [1, None, 3]
    assert [item.index for item in items] == [0, 1, 2]
    assert items[1].status == "invalid_frame"
    assert "the text cannot be asked" in str(items[1].message)
    assert client.asked == [("shows", [1, 3], ["cat", "dog"])]


def test_a_frame_that_is_not_there_is_not_sent() -> None:
    client = FakeClient()
    items = TextRubric(client, "shows").items([None, grey(2)], ["cat", "cat"])
    assert [(item.reward, item.status) for item in items] == [(None, "invalid_frame"), (2, "ok")]
    assert client.asked == [("shows", [2], ["cat"])]
    assert TextRubric(client, "shows").items([None], ["cat"])[0].reward is None


def test_what_is_wrong_with_the_server_is_an_error() -> None:
    rubric = SHOWS.model_copy(update={"prompt": "gone {text}"})
    with pytest.raises(UnavailableError):
        TextRubric(FakeClient(), rubric).items([grey(1)], ["cat"])


def test_a_rubric_that_the_model_cannot_answer_is_an_error() -> None:
    with pytest.raises(ValueError, match="too few tokens"):
        TextRubric(FakeClient(), "unavailable").items([grey(1)], ["cat"])


@pytest.mark.parametrize("name", ["shows", "plain"])
def test_another_reward_id_ends_it(name: str) -> None:
    client = FakeClient()
    texts = TextRubric(client, name)
    texts.items([grey(1)], ["cat"])
    texts.items([grey(1)], ["dog"])
    client.reward_id = "other"
    with pytest.raises(RewardsChangedError, match="abc to other"):
        texts.items([grey(1)], ["dog"])


def test_the_servers_own_refusal_of_a_text_is_known() -> None:
    with graded(GradedEngine()) as server, RewardClient(f"http://127.0.0.1:{server.port}") as client:
        items = TextRubric(client, SHOWS).items([grey(51), grey(102)], ["a cat", "an <image>"])
    assert [item.reward for item in items] == [pytest.approx(0.2, abs=0.01), None]
