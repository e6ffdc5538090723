"""No frame is equal to another one, after the server's fitting too; the same number is the same frame."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from benchmarks.bench.measuring.frames import CARTPOLE, RENDERED, Numbers, Size, frame, png, pngs
from benchmarks.bench.parts.growth import SIZES
from reward_client.fitting import pad_to_square

SQUARE = Size(224, 224)


@pytest.mark.parametrize("size", [*SIZES[:-1], SQUARE], ids=str)
def test_frames_of_one_picture_differ_after_the_servers_fitting(size: Size) -> None:
    numbers = [5 + RENDERED * k for k in (0, 1, 2, 300)]  # all of them show the same picture
    fitted = {pad_to_square(Image.fromarray(frame(n, size)), 224).tobytes() for n in numbers}
    assert frame(5, size).shape == (size.height, size.width, 3)
    assert len(fitted) == len(numbers)


def test_a_number_is_the_same_frame_again_and_its_png_holds_it() -> None:
    np.testing.assert_array_equal(frame(7, SQUARE), frame(7, SQUARE))
    for number, file in zip((3, 4), pngs([3, 4], CARTPOLE), strict=True):
        assert file == png(number)
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(file))), frame(number))


def test_no_number_is_given_twice() -> None:
    numbers = Numbers(10)
    assert numbers.take(3) + numbers.take(2) == [10, 11, 12, 13, 14]
