"""Images of all kinds that a client may send, by the names of the table in docs/reliability.md."""

from __future__ import annotations

import base64
import io
import struct
import zlib

import numpy as np
from PIL import Image

MAX_PIXELS, MAX_ASPECT = 10_000, 4.0


def noise(width: int = 40, height: int = 30) -> Image.Image:
    """An image that compresses badly."""
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    """An image's file."""
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def text(data: bytes) -> str:
    """Base64, as a request carries it."""
    return base64.b64encode(data).decode()


PNG, JPEG = encoded(noise()), encoded(noise(), "JPEG")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _huge_header() -> bytes:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return PNG[:8] + _chunk(b"IHDR", header) + PNG[33:]


def _text_bomb() -> bytes:
    bomb = b"comment\0\0" + zlib.compress(bytes(100_000_000), 9)
    return PNG[:33] + _chunk(b"zTXt", bomb) + PNG[33:]


def _more_rows() -> bytes:
    start = JPEG.index(b"\xff\xc0") + 5  # height and width follow the frame header's length and depth
    return JPEG[:start] + struct.pack(">H", 90) + JPEG[start + 2 :]


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(noise(), "JPEG", exif=exif)


_URL_SAFE = base64.urlsafe_b64encode(PNG).decode()

FRAMES: dict[str, list[str]] = {
    "empty text": [""],
    "not base64": ["not base64!", "\u00e4" * 8],
    "base64 with a line break": [text(PNG)[:20] + "\n" + text(PNG)[20:]],
    "base64 without its padding": [text(PNG + bytes(-len(PNG) % 3 + 1)).rstrip("=")],
    "URL-safe base64": [_URL_SAFE],
    "data: prefix": ["data:image/png;base64," + text(PNG)],
    "a GIF": [text(encoded(noise(), "GIF"))],
    "a PNG's signature alone": [text(PNG[:8])],
    "half a PNG": [text(PNG[: len(PNG) // 2])],
    "a PNG without its end": [text(PNG[:-12])],
    "a PNG with a wrong checksum": [text(PNG[:60] + bytes([PNG[60] ^ 1]) + PNG[61:])],
    "half a JPEG": [text(JPEG[: len(JPEG) // 2])],
    "a JPEG that promises more rows": [text(_more_rows())],
    "a PNG of 60,000 by 60,000 pixels in its header": [text(_huge_header())],
    "a PNG with 100 MB of compressed text": [text(_text_bomb())],
    "more pixels than the limit": [text(encoded(noise(200, 100)))],
    "too long and thin": [text(encoded(noise(50, 10)))],
    "an animated PNG": [text(encoded(noise(), save_all=True, append_images=[noise().rotate(90)]))],
    "16-bit grey": [text(encoded(Image.fromarray(np.zeros((9, 9), dtype=np.uint16))))],
    "one pixel": [text(encoded(noise(1, 1))), text(encoded(noise(1, 1), "JPEG"))],
    "1-bit, grey, palette or with alpha": [
        text(encoded(noise().convert(mode))) for mode in ("1", "L", "P", "LA", "RGBA")
    ],
    "a CMYK JPEG": [text(encoded(noise().convert("CMYK"), "JPEG"))],
    "a JPEG turned by EXIF": [text(_exif())],
}
