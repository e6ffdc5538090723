"""The bare pass counts what PyTorch counts, reads a label tree in three equal ways, and keeps what it has."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.seven import label_tree
from benchmarks.seven.dimensions import SEVEN_B, TINY, llava_config, random_model
from benchmarks.seven.float8 import in_float8
from benchmarks.seven.flops import frame_flops, language_flops, vision_flops
from benchmarks.seven.gpu_pass import main
from benchmarks.seven.llava_pass import LlavaPass
from benchmarks.seven.stopwatch import OutOfTimeError, Report


@pytest.fixture(scope="module")
def llava() -> LlavaPass:
    return LlavaPass(random_model(TINY, torch.device("cpu"), torch.float32))


def test_seven_b_has_llava_1_5_7b_s_size() -> None:
    config = llava_config(SEVEN_B)
    with torch.device("meta"):
        from transformers import LlavaForConditionalGeneration

        model = LlavaForConditionalGeneration(config)
    assert sum(parameter.numel() for parameter in model.parameters()) == 7_063_427_072
    assert 8.1e12 < frame_flops(config, 597) < 8.4e12


def test_formula_agrees_with_pytorch_s_counter(llava: LlavaPass) -> None:
    ids, pixels = llava.random_prompts(1), llava.random_pixels(1)
    with sdpa_kernel(SDPBackend.MATH):  # products that the counter knows; the CPU's flash kernel it does not
        with FlopCounterMode(display=False) as encoding:
            features = llava.encode(pixels)
        with FlopCounterMode(display=False) as reading:
            llava.prefill(ids, features)
    vision, text = llava.config.vision_config, llava.config.text_config
    tokens = llava.image_tokens + 1
    # The tower runs its last layer too, which nobody reads.
    last_layer = 2 * tokens * (4 * vision.hidden_size**2 + 2 * vision.hidden_size * vision.intermediate_size)
    last_layer += 4 * vision.hidden_size * tokens**2
    assert encoding.get_total_flops() == pytest.approx(vision_flops(llava.config) + last_layer)
    # PyTorch's counter takes the whole square of a causal attention.
    half = text.num_hidden_layers * 2 * text.hidden_size * llava.prompt_tokens**2
    expected = language_flops(llava.config, llava.prompt_tokens) + half
    assert reading.get_total_flops() == pytest.approx(expected)


def test_prefill_equals_the_model_s_own_forward(llava: LlavaPass) -> None:
    ids, pixels = llava.random_prompts(2), llava.random_pixels(2)
    with torch.inference_mode():
        expected = llava.model(input_ids=ids, pixel_values=pixels).logits[:, -1]
    torch.testing.assert_close(llava.prefill(ids, llava.encode(pixels)), expected, rtol=1e-4, atol=1e-5)


def test_greedy_text_equals_generate(llava: LlavaPass) -> None:
    ids, pixels = llava.random_prompts(1), llava.random_pixels(1)
    expected = llava.model.generate(
        input_ids=ids, pixel_values=pixels, max_new_tokens=4, min_new_tokens=4, do_sample=False
    )
    assert torch.equal(llava.greedy(ids, pixels, 4), expected[:, ids.shape[1] :])


@pytest.mark.parametrize("way", [label_tree.from_expanded_cache, label_tree.from_masked_pass])
def test_a_shared_tree_reads_what_the_unshared_one_reads(llava: LlavaPass, way: object) -> None:
    ids, pixels = llava.random_prompts(2), llava.random_pixels(2)
    expected = label_tree.unshared(llava, ids, pixels)
    assert expected.shape[:2] == (2, 21)
    torch.testing.assert_close(way(llava, ids, pixels), expected, rtol=1e-4, atol=1e-5)  # type: ignore[operator]


@pytest.mark.parametrize("row_wise", [True, False])
def test_float8_is_near_and_is_taken_out_again(llava: LlavaPass, row_wise: bool) -> None:
    ids, features = llava.random_prompts(2), llava.encode(llava.random_pixels(2))
    expected = llava.prefill(ids, features)
    with in_float8(llava.inner.language_model, row_wise, compiled=False):
        eight = llava.prefill(ids, features)
    error = float((eight - expected).square().mean().sqrt() / expected.std())
    assert 0.001 < error < 0.1
    assert torch.equal(llava.prefill(ids, features), expected)


def test_a_failed_section_is_kept_and_the_next_one_runs(tmp_path: Path) -> None:
    report = Report(60.0, tmp_path / "report.json")

    def failing() -> None:
        raise ValueError("broken")

    report.run("first", failing)
    report.run("second", lambda: report.add("second", "row", ratio=2.0))
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["errors"] == [{"section": "first", "kind": "failed", "error": "ValueError: broken"}]
    assert written["rows"] == [{"section": "second", "name": "row", "ratio": 2.0}]


def test_a_spent_budget_stops_before_the_next_measurement() -> None:
    report = Report(1.0, started_s=time.monotonic() - 2.0)
    with pytest.raises(OutOfTimeError):
        report.measure(lambda: None)
    report.run("late", lambda: report.add("late", "row"))
    assert not report.rows
    assert report.errors[0]["kind"] == "stopped"


@pytest.mark.slow
def test_every_section_runs_on_a_cpu_with_tiny_dimensions(tmp_path: Path) -> None:
    report = main(["--tiny", "--out", str(tmp_path / "report.json")])
    assert not report.errors
    sections = {row["section"] for row in json.loads((tmp_path / "report.json").read_text())["rows"]}
    assert sections >= {"matmul", "readout", "label tree", "float8", "24-token text", "ancestor's loop"}
