"""When frames that could not be scored stop a run, and what it says then."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.config import TrainConfig
from agent.reporting.run_report import write_report
from agent.training.counting.failures import WINDOW_FRAMES, FailureWindow
from agent.training.train import RunStoppedError, Trainer
from reward_client.schema import ItemStatus, RewardItem, ScoreResponse
from reward_client.wording.ensemble import AnyRubric
from reward_server.reading.readouts import low_mass_message
from tests.fakes import FakeClient, response, server_info

LOW_MASS: dict[str, Any] = {
    "status": ItemStatus.LOW_LABEL_MASS,
    "label_mass": 0.00684,
    "message": low_mass_message(0.00684, 0.5),
}


def scored(reward: float = 1.0) -> RewardItem:
    return RewardItem(index=0, reward=reward, status=ItemStatus.OK)


def failed(status: ItemStatus = ItemStatus.FAILED, **told: Any) -> RewardItem:
    return RewardItem(index=0, reward=None, status=status, **told)


def first_excess(window: FailureWindow, items: Sequence[RewardItem]) -> int | None:
    """After how many frames the run would have to stop."""
    for number, item in enumerate(items, start=1):
        window.add(item)
        if window.excess is not None:
            return number
    return None


def test_failures_at_the_beginning_do_not_stop_a_run() -> None:
    beginning = [failed()] * 14 + [scored()] * 50
    assert first_excess(FailureWindow(0.2), beginning + [scored()] * 1000) is None


def test_a_share_above_the_limit_stops_a_run_and_one_below_does_not() -> None:
    def every(n: int) -> list[RewardItem]:
        return [failed() if number % n == 0 else scored() for number in range(3000)]

    assert first_excess(FailureWindow(0.2), every(4)) == 409  # 103 of them
    assert first_excess(FailureWindow(0.2), every(6)) is None


def test_failures_at_the_end_of_a_long_run_stop_it() -> None:
    items = [scored()] * 10_000 + [failed()] * 512
    assert first_excess(FailureWindow(0.2), items) == 10_000 + 103


def test_old_failures_are_forgotten() -> None:
    window = FailureWindow(0.2)
    for _ in range(5):
        assert first_excess(window, [failed()] * 100 + [scored()] * 500) is None


@pytest.mark.parametrize(("share", "frames"), [(0.0, 1), (1.0, None)])
def test_the_limit_may_be_none_or_all(share: float, frames: int | None) -> None:
    assert first_excess(FailureWindow(share), [failed()] * 2 * WINDOW_FRAMES) == frames


def test_a_window_goes_on_where_it_was() -> None:
    whole, begun = FailureWindow(0.2), FailureWindow(0.2)
    first_excess(begun, [failed(**LOW_MASS)] * 90)
    again = FailureWindow(0.2)
    again.restore(json.loads(json.dumps(begun.state())))
    rest = [scored()] * 300 + [failed(**LOW_MASS)] * 20
    assert first_excess(again, rest) == 313
    assert first_excess(whole, [failed(**LOW_MASS)] * 90 + rest) == 90 + 313
    assert again.excess == whole.excess


def test_an_excess_is_told_with_its_most_frequent_status_one_message_and_what_would_help() -> None:
    window = FailureWindow(0.2)
    first_excess(window, [failed(message="the engine fell over")] * 3 + [failed(**LOW_MASS)] * 100)
    assert window.excess is not None
    for part in (
        "103 of the last 103 frames could not be scored",
        "--max-failed-share allows 20% of 512",
        "low_label_mass, 100 times",
        "label mass 0.00684",
        "the model gives the labels a probability of 0.00684 together",
        "ask in the rubric's own words, or use a rubric whose labels are the answers to your question",
    ):
        assert part in window.excess


@pytest.mark.parametrize("status", [status for status in ItemStatus if status is not ItemStatus.OK])
def test_every_status_has_something_that_would_help(status: ItemStatus) -> None:
    window = FailureWindow(0.0)
    window.add(failed(status))
    assert window.excess is not None
    assert f"{status.value}, 1 times. What would help: " in window.excess
    assert not window.excess.endswith("help: ")


class AnswersYes(FakeClient):
    """A model that is asked whether the pole stands, by a rubric whose labels are numbers."""

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: AnyRubric) -> ScoreResponse:
        answer = response([None] * len(frames))
        items = [item.model_copy(update=LOW_MASS | {"text": "Yes"}) for item in answer.data]
        return answer.model_copy(update={"data": items})


def test_a_question_that_the_rubrics_labels_do_not_answer_is_told_in_the_summary_and_the_report(
    tmp_path: Path,
) -> None:
    config = TrainConfig(runs=tmp_path, name="r", prompt="Is the pole standing?")
    with pytest.raises(
        RunStoppedError, match=r"low_label_mass, 103 times .*What would help: the model"
    ) as caught:
        Trainer(config, AnswersYes(), server_info()).run()
    summary = json.loads((config.folder / "summary.json").read_text())
    assert summary["error"] == str(caught.value)
    assert summary["frames_failed"] == 128  # the chunk in which it happened is recorded whole
    assert str(config.folder / "labels.jsonl") in summary["error"]
    page = write_report(config.folder).read_text(encoding="utf-8")
    assert "use a rubric whose labels are the answers to your question" in page


class GoesBad(FakeClient):
    """A server that fails on every frame from some frame on."""

    def __init__(self, from_frame: int) -> None:
        super().__init__()
        self.from_frame = from_frame

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: AnyRubric) -> ScoreResponse:
        super().score(frames, rubric)
        self.reward = None if len(self.frames) >= self.from_frame else 1.0
        return response([self.reward] * len(frames))


@pytest.mark.slow
def test_a_server_that_fails_late_ends_the_run_at_the_same_step_after_an_interruption_too(
    tmp_path: Path,
) -> None:
    quick: dict[str, Any] = {
        "env_steps": 640,
        "learning_starts": 64,
        "gradient_steps": 1,
        "eval_every": 0,
        "checkpoint_every": 64,
    }
    ends = []
    for name, interrupted_at in (("whole", None), ("broken", 256)):
        config = TrainConfig(runs=tmp_path, name=name, **quick)

        def progress(steps: int, at: int | None = interrupted_at) -> None:
            if steps == at:
                raise KeyboardInterrupt

        client = GoesBad(200)
        if interrupted_at is not None:
            with pytest.raises(KeyboardInterrupt):
                Trainer(config, client, server_info(), progress=progress).run()
            config = TrainConfig(runs=tmp_path, name=name, resume=True, **quick)
        with pytest.raises(RunStoppedError) as caught:
            Trainer(config, client, server_info()).run()
        ends.append(str(caught.value).replace(name, "r"))
        assert json.loads((config.folder / "summary.json").read_text())["env_steps"] == 320
    assert ends[0] == ends[1]
