"""Measures of the checkpoint's answers where some frames got none."""

from __future__ import annotations

import numpy as np
import pytest

from reward_client.schema import ItemStatus, RewardItem
from tiny_llava.report.measures import measure


def items(values: list[float | None]) -> list[RewardItem]:
    return [
        RewardItem(
            index=place,
            reward=value,
            value=value,
            text=None if value is None else f"{value:.0f}",
            status=ItemStatus.FAILED if value is None else ItemStatus.OK,
        )
        for place, value in enumerate(values)
    ]


def test_a_frame_that_was_not_read_is_not_right() -> None:
    measured = measure("upright", items([0.9, None, 0.1, None]), np.array([0.0, 1.0, 45.0, -45.0]))
    assert measured["answered"] == 0.5
    assert measured["right"] == 0.5


def test_ratings_are_ranked_over_the_frames_that_were_read() -> None:
    measured = measure("rating", items([9.0, 6.0, None, 1.0]), np.array([0.0, 20.0, 10.0, -80.0]))
    assert measured["answered"] == 0.75
    assert measured["kendall_tau_b"] == pytest.approx(1.0)
    assert measured["kendall_tau_b_of_digit"] == pytest.approx(1.0)
