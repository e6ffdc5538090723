"""Images from strangers: each is an RGB image or a FrameError, never anything else."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reward_server.decode import FrameError, FrameLimits, decode_frame

LIMITS = FrameLimits(max_pixels=10_000, max_aspect_ratio=4.0)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def noise(width: int = 40, height: int = 30) -> Image.Image:
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


PNG = encoded(noise())


def test_a_png_comes_back_pixel_for_pixel() -> None:
    assert decode_frame(text(PNG), LIMITS).tobytes() == noise().tobytes()


def test_a_jpeg_is_decoded() -> None:
    image = decode_frame(text(encoded(noise(), "JPEG")), LIMITS)
    assert (image.mode, image.size) == ("RGB", (40, 30))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_other_modes_become_rgb(mode: str) -> None:
    image = decode_frame(text(encoded(noise().convert(mode))), LIMITS)
    assert (image.mode, image.size) == ("RGB", (40, 30))


def test_transparency_lies_over_white() -> None:
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert decode_frame(text(encoded(clear)), LIMITS).getpixel((0, 0)) == (255, 255, 255)


def test_exif_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by a quarter
    assert decode_frame(text(encoded(noise(), "JPEG", exif=exif)), LIMITS).size == (30, 40)


def damaged_crc() -> bytes:
    return PNG[:60] + bytes([PNG[60] ^ 1]) + PNG[61:]


def bomb() -> bytes:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return PNG[:8] + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + PNG[33:]


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ("", "empty"),
        ("not base64!", "not valid base64"),
        ("data:image/png;base64," + text(PNG), "data: prefix"),
        (text(PNG)[:-1], "not valid base64"),
        ("ä" * 8, "not valid base64"),
        (text(b"GIF89a" + bytes(20)), "not a PNG or JPEG"),
        (text(PNG[:8]), "damaged"),
        (text(PNG[: len(PNG) // 2]), "damaged"),
        (text(PNG[:-12]), "damaged"),
        (text(damaged_crc()), "damaged"),
        (text(encoded(noise(), "JPEG")[:200]), "damaged"),
        (text(bomb()), "pixels"),
        (text(encoded(noise(200, 100))), "limit is 10000"),
        (text(encoded(noise(50, 10))), "at most 4 times"),
        (text(encoded(Image.fromarray(np.zeros((9, 9), dtype=np.uint16)))), "16-bit"),
        (text(encoded(noise(), save_all=True, append_images=[noise().rotate(90)])), "animated"),
    ],
)
def test_what_cannot_be_scored_says_why(sent: str, reason: str) -> None:
    with pytest.raises(FrameError, match=reason):
        decode_frame(sent, LIMITS)


@given(st.integers(0, len(PNG) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_png_is_an_error_or_an_image(position: int, patch: bytes) -> None:
    data = PNG[:position] + patch + PNG[position + len(patch) :]
    with suppress(FrameError):
        assert decode_frame(text(data), LIMITS).mode == "RGB"
