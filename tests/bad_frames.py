"""Images of all kinds that a client may send, by the names of the table in docs/reliability.md."""

from __future__ import annotations

import base64
import struct

import numpy as np
from PIL import Image

from tests.picture_files import (
    JPEG,
    PNG,
    SHORT,
    chunk,
    encoded,
    exif_segment,
    jpeg_with,
    noise,
    noise_of_text,
    png_with,
    several_pictures,
    text,
    text_bomb,
    tiff,
    with_precision,
    with_wrong_checksum,
)

MAX_PIXELS, MAX_ASPECT = 10_000, 4.0


def _huge_header() -> bytes:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return PNG[:8] + chunk(b"IHDR", header) + PNG[33:]


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
    "a PNG with 100 MB of compressed text": [text(png_with(text_bomb(b"zTXt", b"comment")))],
    "a PNG with 2 MB of metadata": [
        text(png_with(chunk(kind, b"comment\0" + packed + noise_of_text(2_000_000))))
        for kind, packed in ((b"tEXt", b""), (b"iTXt", b"\0\0\0\0"))
    ],
    "a PNG with a wrong checksum in its metadata": [
        text(png_with(with_wrong_checksum(b"tEXt", b"comment\0hello")))
    ],
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
    "a JPEG with broken EXIF": [
        text(jpeg_with(exif_segment(exif))) for exif in (b"?", tiff((0x011A, SHORT, 9, b"\xff" * 4)))
    ],
    "a JPEG with several pictures (MPO)": [text(several_pictures((40, 30), (40, 30)))],
    "a JPEG of 12 bits a channel": [text(with_precision(12))],
}
