"""Writes a twin of the shipped checkpoint with random weights: ``python -m tiny_llava.random_weights``.

The same architecture, tokenizer and processor, and nothing learned: what an audit must not trust.
"""

from __future__ import annotations

from pathlib import Path

import torch
import tyro

from tiny_llava.model import build_model, export, load_model
from tiny_llava.train import CHECKPOINT


def write_twin(out: Path, checkpoint: Path = CHECKPOINT, seed: int = 0) -> None:
    """Writes the twin.

    Args:
        out: folder that receives it; created if missing.
        checkpoint: whose tokenizer it takes.
        seed: of the weights.
    """
    _, tokenizer = load_model(checkpoint)
    torch.manual_seed(seed)
    export(build_model(tokenizer), tokenizer, out)


if __name__ == "__main__":
    tyro.cli(write_twin, description=__doc__)
