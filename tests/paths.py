"""Where things are, for tests."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
CHECKPOINT = ROOT / "tiny_llava" / "checkpoint"
