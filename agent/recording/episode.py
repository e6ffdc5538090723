"""The counts of the episode that an environment is in. Not for its steps (``training/chunk.py``)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Episode:
    """An episode that one environment is in.

    Attributes:
        number: from 1, in the order in which episodes began.
        steps: taken so far.
        true_return: sum of the environment's own reward.
        vlm_return: sum of the server's rewards; frames without one count for nothing.
        learned_return: sum of the rewards that were learned from.
    """

    number: int
    steps: int = 0
    true_return: float = 0.0
    vlm_return: float = 0.0
    learned_return: float = 0.0
