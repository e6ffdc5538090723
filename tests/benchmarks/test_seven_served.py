"""``make seven`` builds a folder that the server takes, refuses too small a machine, shows what it found."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from transformers import AutoTokenizer

from benchmarks.seven import __main__ as seven
from benchmarks.seven.dimensions import SEVEN_B
from benchmarks.seven.served.checkpoint import write_checkpoint
from benchmarks.seven.served.questions import TOGETHER, Row, ask_everything
from benchmarks.seven.served.tables import models_text, performance_text
from reward_client import RewardClient
from reward_server.engine.chat_format import ChatFormat
from reward_server.engine.model_source import checked_model
from reward_server.engine.processor_check import checked_processor
from reward_server.rubrics.loading import load_rubrics
from tests.serving import serving


@pytest.mark.slow
def test_the_folder_is_llava_1_5_7b_without_its_weights(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, SEVEN_B)
    assert checked_model(str(tmp_path)) == str(tmp_path)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 10e6
    processor, config, size_px = checked_processor(str(tmp_path), None, None)
    assert config.architectures == ["LlavaForConditionalGeneration"]
    assert (config.text_config.hidden_size, config.text_config.num_hidden_layers, size_px) == (4096, 32, 336)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    chat = ChatFormat(processor, tokenizer, [2], size_px=size_px, max_model_len=4096)
    rubrics = load_rubrics()
    upright = chat.question(rubrics["cartpole-upright"].prompt, ["Yes", "No"])
    assert upright.prompt.startswith("USER: <image>\n")
    assert upright.prompt_tokens == 576 + 20
    angle = chat.question(rubrics["cartpole-angle"].prompt, rubrics["cartpole-angle"].readout.labels)
    assert angle.labels is not None
    assert len(angle.labels.passes) == 21


def test_a_machine_with_too_little_memory_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=12_300_000_000))
    monkeypatch.setattr(sys, "argv", ["seven", "--folder", str(tmp_path / "none")])
    assert seven.main() == 1
    said = capsys.readouterr()
    assert "19 GB" in said.out
    assert "minutes" in said.out
    assert "this takes 19 GB of memory, and 12.3 GB are free here" in said.err
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_everything_is_asked_and_each_row_is_kept_as_it_comes() -> None:
    kept: list[Row] = []
    with serving() as server, RewardClient(str(server.http.base_url)) as client:
        rows = ask_everything(client, kept.append)
    assert kept == rows
    assert [row.asked for row in rows[:-2]] == [f"`{name}`" for name in load_rubrics()]
    assert all(row.seconds is not None for row in rows)
    assert rows[-1].alone_s == pytest.approx(
        sum(row.seconds or 0.0 for row in rows if row.asked.strip("`") in TOGETHER)
    )


@pytest.mark.slow
def test_a_request_that_fails_costs_its_own_row() -> None:
    with serving(max_images_per_request=1) as server, RewardClient(str(server.http.base_url)) as client:
        rows = ask_everything(client, lambda row: None)
    assert [row.asked for row in rows if row.status.startswith("failed")] == [rows[-2].asked]  # two images
    assert rows[-1].seconds is not None


FOUND = {
    "machine_sentence": "2 cores.",
    "model_sentence": "Random weights.",
    "start_up_s": 480.4,
    "peak_memory_mb": {"main": 990.0, "EngineCore": 16_040.0, "helper": 11.0},
    "rows": [
        vars(Row("`cartpole-rating`", "low_label_mass", 40.84, 2, 2, 1200, 0.000061)),
        vars(Row("`pendulum-angle`", "failed: RequestTimeoutError")),
        vars(Row("2 `rubrics`", "low_label_mass, ok", 30.0, 3, None, 1800, 0.5, 60.0)),
    ],
}


def test_the_long_table_shows_what_was_found_and_what_failed() -> None:
    text = performance_text(FOUND)
    assert "| `cartpole-rating` | 40.8 | 2 of 2 | 1200 | 6.1e-05 | `low_label_mass` |" in text
    assert "| `pendulum-angle` | - | - | - | - | `failed: RequestTimeoutError` |" in text
    assert "| 2 `rubrics` | 30.0 | 3 | 1800 | 0.5 | `low_label_mass, ok` |" in text
    assert "took 60.0 s: to share the frame is 2.0 times as fast" in text
    assert (
        "Start-up: 480 s. Largest resident memory of each process: main 1.0 GB, EngineCore 16.0 GB." in text
    )


def test_the_short_table_holds_cartpole_s_rubrics() -> None:
    text = models_text(FOUND)
    assert "| `cartpole-rating` | 40.8 | 2 of 2 |" in text
    assert "pendulum" not in text
    assert "Start-up: 480 s" in text
