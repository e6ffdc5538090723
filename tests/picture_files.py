"""Files of pictures as cameras, editors and strangers write them: the same pixels, metadata of every kind."""

from __future__ import annotations

import base64
import io
import struct
import zlib

import numpy as np
from PIL import Image

ORIENTATION = 0x0112
SHORT, ASCII, RATIONAL = 3, 2, 5
TURNED = 6
"""The orientation of a picture that stands on its right side."""


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


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def tiff(*entries: tuple[int, int, int, bytes]) -> bytes:
    """A TIFF header with one directory of entries: tag, type, count, and four bytes of value."""
    written = b"".join(struct.pack(">HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    return b"MM\0*" + struct.pack(">IH", 8, len(entries)) + written + bytes(4)


def short(value: int) -> bytes:
    """A number of two bytes in the four of an entry."""
    return struct.pack(">Hxx", value)


TURN = tiff((ORIENTATION, SHORT, 1, short(TURNED)))


def segment(marker: int, data: bytes) -> bytes:
    """A segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def jpeg_with(*segments: bytes, jpeg: bytes = JPEG) -> bytes:
    """A JPEG with segments behind its start."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def exif_segment(exif: bytes) -> bytes:
    """EXIF as a JPEG carries it."""
    return segment(0xE1, b"Exif\0\0" + exif)


def png_with(*chunks: bytes, at_end: bool = False) -> bytes:
    """A PNG with chunks behind its header, or before its end."""
    start = len(PNG) - 12 if at_end else 33
    return PNG[:start] + b"".join(chunks) + PNG[start:]


def with_wrong_checksum(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG with a flipped bit in its checksum."""
    whole = chunk(kind, data)
    return whole[:-1] + bytes([whole[-1] ^ 1])


def noise_of_text(size: int) -> bytes:
    """Letters that compress badly."""
    return noise(size // 60 + 1, 20).tobytes().translate(bytes(65 + i % 26 for i in range(256)))[:size]


def several_pictures(*sizes: tuple[int, int]) -> bytes:
    """A JPEG with several pictures in it (MPO), as phones write a depth map or the other eye's view."""
    first, *others = [noise(*size) for size in sizes]
    return encoded(first, "MPO", save_all=True, append_images=others)


def adobe_transform(jpeg: bytes, transform: int) -> bytes:
    """A JPEG whose Adobe segment names another colour transform: 2 is YCCK."""
    place = jpeg.index(b"Adobe") + 11
    return jpeg[:place] + bytes([transform]) + jpeg[place + 1 :]


def with_precision(bits: int) -> bytes:
    """A JPEG whose frame header promises another number of bits a channel."""
    place = JPEG.index(b"\xff\xc0") + 4
    return JPEG[:place] + bytes([bits]) + JPEG[place + 1 :]


def with_frame_header(marker: int) -> bytes:
    """A JPEG of another process: 0xC3 is lossless, 0xC5 hierarchical."""
    return JPEG.replace(b"\xff\xc0", bytes([0xFF, marker]), 1)


def of_two_channels() -> bytes:
    """A JPEG with two channels."""
    place = JPEG.index(b"\xff\xc0")
    length = struct.unpack(">H", JPEG[place + 2 : place + 4])[0]
    header = JPEG[place + 4 : place + 9] + b"\x02" + JPEG[place + 10 : place + 16]
    return JPEG[:place] + segment(0xC0, header) + JPEG[place + 2 + length :]


def compressed_profile(size: int) -> bytes:
    """A colour profile as a PNG carries it."""
    return chunk(b"iCCP", b"wide\0\0" + zlib.compress(noise_of_text(size)))


def text_bomb(kind: bytes, keyword: bytes) -> bytes:
    """A compressed text that is 100 MB long."""
    method = b"\0" if kind == b"zTXt" else b"\x01\0\0\0"
    return chunk(kind, keyword + b"\0" + method + zlib.compress(bytes(100_000_000), 9))


def animation(frames: int, *, default_is_a_frame: bool = True) -> bytes:
    """A PNG that says it is an animation, with a frame header where its default picture is a frame of it."""
    control = chunk(b"acTL", struct.pack(">II", frames, 0))
    width, height = noise().size
    header = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, width, height, 0, 0, 1, 1, 0, 0))
    return png_with(control, *([header] if default_is_a_frame else []))
