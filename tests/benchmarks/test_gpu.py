"""``python -m benchmarks.gpu``: what it says where there is no GPU, its table, a run of tiny dimensions."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import gpu
from benchmarks.seven.served.load import QUESTIONS
from benchmarks.seven.served.sweep import speeds_table
from tests.paths import ROOT

ROW = {
    "precision": "fp8",
    "tokens": 8192,
    "seqs": 64,
    "question": "one token",
    "frames_per_s": 44.0,
    "p50_s": 1.5,
    "passes_per_frame": 1.0,
    "start_up_s": 90.0,
}
FOUND = {
    "device": "a card",
    "weights": "random",
    "limit_frames_per_s": 88.0,
    "peak_flops_per_s": 727e12,
    "rows": [ROW],
    "errors": ["bfloat16 with Batching(tokens=8192, seqs=64): the server ended at its start: why"],
}


def test_the_table_tells_the_share_of_the_limit_and_what_was_not_measured() -> None:
    text = speeds_table(FOUND)
    assert "88 frames/s: the card's own bfloat16 product, 727 TFLOP/s" in text
    assert "| fp8 | 8192 | 64 | one token | 44.0 | 50% | 1.0 | 1.50 |" in text
    assert text.endswith("the server ended at its start: why")


def test_without_a_gpu_it_names_the_command_for_a_cpu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main([]) == 1
    assert "python -m benchmarks.seven" in capsys.readouterr().err


def test_without_vllm_for_the_gpu_the_bare_pass_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(gpu, "_serves_gpus", lambda: False)
    monkeypatch.setattr("benchmarks.seven.gpu_pass.main", asked.append)
    assert gpu.main(["--results", str(tmp_path / "gpu.json"), "--minutes", "3"]) == 0
    assert asked == [["--minutes", "3.0", "--out", str(tmp_path / "gpu.json"), "--compile"]]


@pytest.mark.slow
def test_the_bare_pass_needs_nothing_of_the_server() -> None:
    missing = "vllm", "mistral_common", "pydantic", "httpx", "tyro", "reward_client"
    code = f"import sys; sys.modules.update(dict.fromkeys({missing})); import benchmarks.gpu"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


@pytest.mark.vllm
@pytest.mark.slow
def test_tiny_dimensions_are_served_and_measured_on_a_cpu(tmp_path: Path) -> None:
    results = tmp_path / "gpu.json"
    options = ["--tiny", "--seconds", "1", "--folder", str(tmp_path / "run"), "--results", str(results)]
    assert gpu.main([*options, "--port", "0"]) == 0
    found = json.loads(results.read_text())
    assert found["errors"] == []
    assert [row["question"] for row in found["rows"]] == list(QUESTIONS)
    assert all(row["frames_per_s"] > 0 for row in found["rows"])
    one, tree, text = (row["passes_per_frame"] for row in found["rows"])
    assert (one, text) == (1.0, 24.0)
    assert 1 < tree <= 21
