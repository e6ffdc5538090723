"""Fitting gives the pixels of the plain recipe, to the last bit, and the same on both sides of the wire."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from reward_client.fitting import PAD_COLOR, cut_region, fit
from reward_client.rubric import Preprocess, PreprocessOrRegion, Region
from reward_server.images import prepare

SIZES = [
    (600, 400), (400, 600), (224, 224), (225, 224), (224, 225), (223, 224), (500, 500), (100, 30), (30, 100),
    (8, 1), (1, 8), (1, 1), (640, 480), (210, 160), (999, 331), (224, 100), (100, 224), (7, 5),
]  # fmt: skip
WAYS = [*Preprocess, Region(type="region", box=(0.3, 0.1, 0.71, 0.9))]


def frame(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(width * height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def plain(image: Image.Image, size_px: int, preprocess: PreprocessOrRegion) -> NDArray[np.uint8]:
    """The recipe without any shortcut."""
    width, height = image.size
    if isinstance(preprocess, Region):
        return plain(cut_region(image, preprocess), size_px, Preprocess.PAD)
    if preprocess is Preprocess.PAD:
        side = max(width, height)
        square = Image.new("RGB", (side, side), PAD_COLOR)
        square.paste(image, ((side - width) // 2, (side - height) // 2))
        image = square
    elif preprocess is Preprocess.CROP:
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    return np.asarray(image.resize((size_px, size_px), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("size_px", [32, 224, 336])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("preprocess", WAYS, ids=str)
def test_shortcuts_change_no_pixel(
    size: tuple[int, int], size_px: int, preprocess: PreprocessOrRegion
) -> None:
    image = frame(*size)
    assert (np.asarray(fit(image, size_px, preprocess)) == plain(image, size_px, preprocess)).all()


def test_rows_that_repeat_change_no_pixel() -> None:
    """As in a rendered frame: one colour above, things of several rows, and noise."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        heights = rng.integers(1, 60, 8)
        rows = rng.integers(0, 256, (8, 1, 600, 3), dtype=np.uint8)
        pixels = np.concatenate(
            [np.repeat(row, height, axis=0) for row, height in zip(rows, heights, strict=True)]
        )
        noise = rng.integers(0, 256, (5, 600, 3), dtype=np.uint8)
        image = Image.fromarray(np.concatenate([pixels, noise, pixels[::-1]]))
        assert (np.asarray(fit(image, 224, Preprocess.PAD)) == plain(image, 224, Preprocess.PAD)).all()


def test_rows_that_repeat_are_resized_once(monkeypatch: pytest.MonkeyPatch) -> None:
    heights = []
    resize = Image.Image.resize

    def noted(image: Image.Image, size: tuple[int, int], *rest: Any) -> Image.Image:
        heights.append(image.height)
        return resize(image, size, *rest)

    monkeypatch.setattr(Image.Image, "resize", noted)
    stripes = np.repeat(np.arange(0, 200, 40, dtype=np.uint8), 80)[:, None, None] * np.ones(
        (1, 600, 3), np.uint8
    )
    fit(Image.fromarray(stripes), 224, Preprocess.PAD)
    fit(frame(600, 400), 224, Preprocess.PAD)
    assert [heights[0], heights[2]] == [5, 400]  # five colours; of noise every row


def test_the_server_fits_with_the_same_code() -> None:
    assert vars(prepare)["fit"] is fit


def test_what_has_the_size_is_not_touched() -> None:
    image = frame(64, 64)
    for preprocess in Preprocess:
        assert fit(image, 64, preprocess) is image
