"""torchvision imports beside a CPU PyTorch, and nothing is declared where it is whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from reward_server import torchvision_ops


def test_torchvision_imports_in_a_fresh_process() -> None:
    code = "import torch, torchvision.transforms.v2.functional"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_nothing_is_declared_where_the_operators_load(monkeypatch: pytest.MonkeyPatch) -> None:
    def whole(_package: Path) -> bool:
        return True

    declared: list[object] = []
    monkeypatch.setattr(torchvision_ops, "_operators_load", whole)
    monkeypatch.setattr(torchvision_ops, "_declared", declared)
    torchvision_ops.declare_missing_operators()
    assert not declared


def test_nothing_is_declared_beside_a_cuda_build(monkeypatch: pytest.MonkeyPatch) -> None:
    declared: list[object] = []
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torchvision_ops, "_declared", declared)
    torchvision_ops.declare_missing_operators()
    assert not declared
