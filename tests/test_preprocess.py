"""Padding keeps the whole frame and reaches the exact size."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from reward_server.preprocess import PAD_COLOR, pad_to_square


@pytest.mark.parametrize("size", [(600, 400), (400, 600), (224, 224), (100, 30), (1, 8)])
def test_every_frame_reaches_the_input_size(size: tuple[int, int]) -> None:
    assert pad_to_square(Image.new("RGB", size), 224).size == (224, 224)


def test_a_wide_frame_is_padded_above_and_below_and_not_cropped() -> None:
    frame = np.full((400, 600, 3), 255, dtype=np.uint8)
    frame[:, :6] = frame[:, -6:] = (255, 0, 0)  # the track's ends, which LLaVA's own crop would lose
    padded = np.asarray(pad_to_square(Image.fromarray(frame), 600))
    assert (padded[:100] == PAD_COLOR).all()
    assert (padded[500:] == PAD_COLOR).all()
    assert (padded[100:500] == frame).all()


def test_a_square_frame_of_the_right_size_is_left_alone() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    assert (np.asarray(pad_to_square(Image.fromarray(frame), 224)) == frame).all()
