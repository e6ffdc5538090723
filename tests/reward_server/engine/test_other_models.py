"""Another architecture on real vLLM: nothing in the server is LLaVA-only by accident."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from reward_client import RewardClient, Rubric
from reward_client.processes.local_server import LocalServerError, local_server
from tests.small_qwen2_vl import build_small_qwen2_vl

pytestmark = pytest.mark.vllm


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained Qwen2-VL."""
    folder = tmp_path_factory.mktemp("qwen2-vl")
    build_small_qwen2_vl(folder)
    return folder


@pytest.fixture(scope="module")
def qwen(folder: Path) -> Iterator[RewardClient]:
    """A client of a server with that model, named by the alias of ``--model``."""
    arguments = ["--model-path", str(folder), "--dtype", "float32", "--max-model-len", "1024"]
    with (
        local_server(arguments, log_file=folder / "server.log") as server,
        RewardClient(server.url) as client,
    ):
        yield client


@pytest.fixture
def frames() -> list[NDArray[np.uint8]]:
    """Two different frames."""
    noise = np.random.default_rng(0).integers(0, 256, (2, 400, 600, 3), dtype=np.uint8)
    noise[1] //= 8
    return list(noise)


def any_mass(rubric: Rubric) -> Rubric:
    """The same rubric for a model whose answers are noise."""
    return rubric.model_copy(update={"readout": rubric.readout.model_copy(update={"min_label_mass": 0.0})})


def test_the_model_is_asked_in_its_own_words(qwen: RewardClient) -> None:
    detail = qwen.rubric("cartpole-upright")
    assert detail.prompt == (
        "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>Is the pole upright? Answer yes or no."
        "<|im_end|>\n<|im_start|>assistant\n"
    )
    # 448 pixels are 32 patches of 14, merged two by two: 256 tokens
    assert 256 < (detail.prompt_tokens or 0) < 400
    info = qwen.info()
    assert (info.input_size_px, info.images_per_prompt) == (448, 2)
    assert {name for name, rubric in info.rubrics.items() if rubric.unavailable} == set()


@pytest.mark.parametrize("name", ["cartpole-angle", "cartpole-upright", "cartpole-lean", "cartpole-rating"])
def test_labels_are_read_also_where_they_take_several_tokens(
    qwen: RewardClient, frames: list[NDArray[np.uint8]], name: str
) -> None:
    detail = qwen.rubric(name)
    answer = qwen.score(frames, any_mass(detail.rubric))
    assert [item.status.value for item in answer.data] == ["ok", "ok"]
    assert answer.usage.completion_tokens == 2 * (detail.forward_passes or 0)
    assert ((detail.forward_passes or 0) > 1) == (name == "cartpole-angle")
    assert answer.data[0].probabilities != answer.data[1].probabilities  # the image is looked at


def test_noise_is_no_reward(qwen: RewardClient, frames: list[NDArray[np.uint8]]) -> None:
    for name in ("cartpole-upright", "cartpole-degrees-text"):
        for item in qwen.score(frames, name, explain=True).data:
            assert (item.reward is None) == (item.status.value != "ok")
            assert item.explanation is not None


def test_a_pair_is_sent_as_two_images(qwen: RewardClient, frames: list[NDArray[np.uint8]]) -> None:
    rubric = any_mass(qwen.rubric("cartpole-upright").rubric)
    answer = qwen.compare([(frames[0], frames[1])], rubric)
    (item,) = answer.data
    assert not answer.composed
    assert item.status.value == "ok"
    assert answer.usage.prompt_tokens > 2 * 2 * 256
    as_sent, swapped = item.orders
    assert as_sent.probabilities != swapped.probabilities


def test_an_input_size_that_the_processor_would_change_is_refused(folder: Path, tmp_path: Path) -> None:
    arguments = ["--model", str(folder), "--input-size-px", "450"]
    with (
        pytest.raises(LocalServerError) as caught,
        local_server(arguments, log_file=tmp_path / "server.log"),
    ):
        pass
    assert "would change the frames" in str(caught.value)
