"""What a run's answers cost is added up, and reaches its summary, also where it was interrupted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.config import Arm, TrainConfig
from agent.reporting.findings import terminal_lines
from agent.training.counting.cost import CountedScores
from agent.training.saving import checkpoint_file
from agent.training.train import Trainer
from agent.training.watching.nulls import Nulls
from reward_client.rubric import Rubric
from reward_client.schema import ScoreResponse, Usage
from reward_client.wording.ensemble import AnyRubric
from tests.fakes import response, server_info

RUBRIC = Rubric.model_validate(
    {"prompt": "Is it?", "readout": {"type": "yes_no"}, "reward": {"type": "probability"}}
)
FRAME = np.zeros((2, 2, 3), np.uint8)


class Costly:
    """Answers cost 10 prompt tokens, 1 answer token and a quarter of a second each.

    Args:
        stop_after: images, after which the process is interrupted.
        engine_s: of an answer; None: the server does not say.
    """

    def __init__(self, stop_after: int | None = None, engine_s: float | None = 0.25) -> None:
        self.stop_after, self.engine_s, self.images = stop_after, engine_s, 0

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: AnyRubric) -> ScoreResponse:
        self.images += len(frames)
        if self.stop_after is not None and self.images > self.stop_after:
            raise KeyboardInterrupt
        count = len(frames)
        engine_s = None if self.engine_s is None else self.engine_s * count
        usage = Usage(
            images=count,
            cached_images=1,
            prompt_tokens=10 * count,
            completion_tokens=count,
            engine_s=engine_s,
        )
        return response([0.5] * count).model_copy(update={"usage": usage})


def config(folder: Path, **changes: Any) -> TrainConfig:
    short: dict[str, Any] = {
        "runs": folder,
        "name": "r",
        "env_steps": 192,
        "learning_starts": 63,
        "gradient_steps": 1,
        "checkpoint_every": 64,
        "eval_every": 0,
        "eval_episodes": 1,
    }
    return TrainConfig(**{**short, **changes})


def usage_of(options: TrainConfig) -> dict[str, Any] | None:
    usage: dict[str, Any] | None = json.loads((options.folder / "summary.json").read_text())["usage"]
    return usage


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["barrier", "overlap"])
def test_a_runs_cost_is_that_of_all_its_frames_and_nulls_also_after_an_interruption(
    tmp_path: Path, schedule: Any
) -> None:
    def trained(options: TrainConfig, client: Costly) -> None:
        scores = CountedScores(client)
        nulls = Nulls(scores, RUBRIC, RUBRIC, 0.02, 1)
        Trainer(options, scores, server_info(), RUBRIC, nulls=nulls).run()

    options = config(tmp_path, schedule=schedule)
    with pytest.raises(KeyboardInterrupt):
        trained(options, Costly(stop_after=150))
    assert (usage_of(options) or {})["images"] <= 150  # what was answered until then
    trained(config(tmp_path, schedule=schedule, resume=True), Costly())
    usage = usage_of(options) or {}
    images = 192 + 3  # a null is at most one frame in 50
    assert usage.pop("cached_images") == 192 // 16 + 3  # one a request
    assert usage == {
        "images": images,
        "prompt_tokens": 10 * images,
        "completion_tokens": images,
        "engine_s": pytest.approx(0.25 * images),
    }


def test_what_a_server_does_not_say_is_not_known(tmp_path: Path) -> None:
    options = config(tmp_path, env_steps=64)
    Trainer(options, Costly(engine_s=None), server_info(), RUBRIC).run()
    assert (usage_of(options) or {})["engine_s"] is None
    assert (usage_of(options) or {})["prompt_tokens"] == 640


def test_a_run_without_a_server_costs_nothing_that_is_known(tmp_path: Path) -> None:
    options = config(tmp_path, arm=Arm.ENV, env_steps=64)
    Trainer(options).run()
    assert usage_of(options) is None


@pytest.mark.slow
def test_a_run_whose_beginning_was_not_counted_does_not_say_what_the_whole_cost(tmp_path: Path) -> None:
    Trainer(config(tmp_path, env_steps=64), Costly(), server_info(), RUBRIC).run()
    path = config(tmp_path).folder / "checkpoint" / "state.npz"
    state = checkpoint_file.load(path)
    del state["usage"]  # as an earlier version wrote it
    checkpoint_file.save(path, state)
    options = config(tmp_path, env_steps=64, resume=True)
    Trainer(options, Costly(), server_info(), RUBRIC).run()
    assert usage_of(options) is None


def test_answers_to_several_threads_are_all_counted() -> None:
    scores = CountedScores(Costly())
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: scores.score([FRAME] * 3, "r"), range(200)))
    usage = scores.usage() or {}
    assert (usage["images"], usage["prompt_tokens"]) == (600, 6000)


def test_the_terminal_tells_the_cost() -> None:
    usage = {"images": 195, "cached_images": 15, "prompt_tokens": 1950, "engine_s": 48.75}
    summary: dict[str, Any] = {"question": None, "labelled_frames": 0, "warnings": [], "usage": usage}
    assert any("195 images" in line and "48.8 s" in line for line in terminal_lines(summary))
