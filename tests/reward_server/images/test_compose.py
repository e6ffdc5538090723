"""Every way of preprocessing reaches the exact size and keeps what it says it keeps."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from reward_client.fitting import PAD_COLOR, cut_region, fit, pad_to_square
from reward_client.rubric import Preprocess, PreprocessOrRegion, Region
from reward_server.images.compose import compose_pair, pair_side_px


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


@pytest.mark.parametrize("size", [(600, 400), (400, 600), (224, 224), (100, 30), (1, 8), (1, 1)])
@pytest.mark.parametrize("preprocess", [*Preprocess, Region(type="region", box=(0.3, 0.1, 0.31, 0.9))])
def test_every_way_reaches_the_input_size(size: tuple[int, int], preprocess: PreprocessOrRegion) -> None:
    fitted = fit(Image.new("RGB", size, "red"), 224, preprocess)
    assert (fitted.size, fitted.mode) == ((224, 224), "RGB")
    assert not (np.asarray(fitted)[112] == PAD_COLOR).all()


def quarters() -> Image.Image:
    """Red and green above, blue and white below."""
    frame = np.zeros((40, 60, 3), dtype=np.uint8)
    frame[:20, :30], frame[:20, 30:], frame[20:, :30], frame[20:, 30:] = RED, GREEN, BLUE, WHITE
    return Image.fromarray(frame)


RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def test_cropping_keeps_the_centre_square() -> None:
    frame = np.zeros((40, 60, 3), dtype=np.uint8)
    frame[:, :10] = frame[:, 50:] = RED
    assert not np.asarray(fit(Image.fromarray(frame), 40, Preprocess.CROP)).any()


def test_stretching_keeps_the_corners() -> None:
    stretched = fit(quarters(), 224, Preprocess.STRETCH)
    corners = [stretched.getpixel(at) for at in ((0, 0), (223, 0), (0, 223), (223, 223))]
    assert corners == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize(
    ("box", "size", "colour"),
    [
        ((0.0, 0.0, 0.5, 0.5), (30, 20), RED),
        ((0.5, 0.0, 1.0, 0.5), (30, 20), GREEN),
        ((0.0, 0.5, 0.5, 1.0), (30, 20), BLUE),
        ((0.7, 0.7, 0.9, 0.8), (12, 4), WHITE),
        ((0.9999, 0.9999, 1.0, 1.0), (1, 1), WHITE),
    ],
)
def test_a_region_is_the_pixels_of_its_box(
    box: tuple[float, float, float, float], size: tuple[int, int], colour: tuple[int, int, int]
) -> None:
    cut = cut_region(quarters(), Region(type="region", box=box))
    assert cut.size == size
    assert (np.asarray(cut) == colour).all()


@pytest.mark.parametrize("size_px", [224, 336, 448])
def test_a_pair_lies_side_by_side_in_its_order(size_px: int) -> None:
    side = pair_side_px(size_px)
    pair = compose_pair(Image.new("RGB", (side, side), RED), Image.new("RGB", (side, side), BLUE), size_px)
    row = np.asarray(pair)[size_px // 2]
    assert (row[:side] == RED).all()
    assert (row[-side:] == BLUE).all()
    gap = row[side:-side]
    assert len(gap) >= size_px // 28
    assert (gap == PAD_COLOR).all()
