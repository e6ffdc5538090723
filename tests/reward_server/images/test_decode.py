"""Images from strangers: each is an RGB image or a ImageError, never anything else."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reward_server.images.decode import ImageError, ImageLimits, decode_image, read_base64
from tests.bad_frames import MAX_ASPECT, MAX_PIXELS
from tests.picture_files import JPEG, PNG, encoded, noise

LIMITS = ImageLimits(MAX_PIXELS, MAX_ASPECT)


def test_a_png_comes_back_pixel_for_pixel() -> None:
    assert decode_image(PNG, LIMITS).tobytes() == noise().tobytes()


def test_a_jpeg_is_decoded() -> None:
    image = decode_image(encoded(noise(), "JPEG"), LIMITS)
    assert (image.mode, image.size) == ("RGB", (40, 30))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_other_modes_become_rgb(mode: str) -> None:
    image = decode_image(encoded(noise().convert(mode)), LIMITS)
    assert (image.mode, image.size) == ("RGB", (40, 30))


def test_transparency_lies_over_white() -> None:
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert decode_image(encoded(clear), LIMITS).getpixel((0, 0)) == (255, 255, 255)


def test_exif_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by a quarter
    assert decode_image(encoded(noise(), "JPEG", exif=exif), LIMITS).size == (30, 40)


@given(st.integers(0, len(PNG) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_png_is_an_error_or_an_image(position: int, patch: bytes) -> None:
    data = PNG[:position] + patch + PNG[position + len(patch) :]
    with suppress(ImageError):
        assert decode_image(data, LIMITS).mode == "RGB"


@given(st.integers(0, len(JPEG) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_jpeg_is_an_error_or_an_image(position: int, patch: bytes) -> None:
    data = JPEG[:position] + patch + JPEG[position + len(patch) :]
    with suppress(ImageError):
        assert decode_image(data, LIMITS).mode == "RGB"


@given(st.binary(max_size=200), st.sampled_from([b"", PNG[:8], PNG[:33], JPEG[:3], JPEG[:200]]))
def test_any_bytes_are_an_error_or_an_image(data: bytes, start: bytes) -> None:
    with suppress(ImageError):
        assert decode_image(start + data, LIMITS).mode == "RGB"


@given(st.text())
def test_any_text_is_an_error_or_an_image(sent: str) -> None:
    with suppress(ImageError):
        assert decode_image(read_base64(sent), LIMITS).mode == "RGB"
