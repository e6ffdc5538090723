"""From a PNG or JPEG file to what its pixels need, and to its orientation. Input here is hostile.

Text, colour profiles, thumbnails, further pictures: nothing else that a file holds may cost it its pixels,
and nothing packed in there is unpacked. Not for decoding (``decode.py``).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from reward_server.images.orientation import (
    EXIF_KEYWORD,
    UPRIGHT,
    XMP_KEYWORD,
    exif_in_text,
    orientation,
    text_of_chunk,
)

_SIGNATURE_BYTES = 8
_END = b"\0\0\0\0IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_COM, _APP0, _APP1, _APP14, _APP15 = 0xFE, 0xE0, 0xE1, 0xEE, 0xEF
_FRAME_HEADERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_LOSSLESS_OR_HIERARCHICAL = {0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}
_START_OF_SCAN = 0xDA
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xDA)}


@dataclass(frozen=True)
class StrippedFile:
    """An image file without what its pixels do not need.

    Attributes:
        data: the file.
        orientation: 1 to 8, as EXIF numbers them; 1 is upright.
        pictures: how many a viewer would show one after the other; more than one for an animation.
        oddity: why a decoder may not know its form, as a sentence; None for nothing odd.
    """

    data: bytes
    orientation: int = UPRIGHT
    pictures: int = 1
    oddity: str | None = None


def strip_png(data: bytes) -> StrippedFile:
    """Keeps the chunks that pixels come from: the critical ones and the transparency.

    Args:
        data: a PNG file.

    Raises:
        ValueError: it ends before its end, or one of those chunks has a wrong checksum.
    """
    view, place = memoryview(data), _SIGNATURE_BYTES
    kept, controls = [view[:place]], list[bytes]()
    exif = old_exif = xmp = None
    first_is_a_frame = pixels_began = False
    while True:
        if place + 8 > len(data):
            raise ValueError("the file ends before its end")
        length, kind = struct.unpack_from(">I4s", data, place)
        if kind == b"IEND":
            break
        start, end = place + 8, place + 8 + length
        if end + 4 > len(data):
            raise ValueError("the file ends in a chunk")
        is_sound = zlib.crc32(view[place + 4 : end]) == int.from_bytes(view[end : end + 4])
        if _is_critical(kind) or kind == b"tRNS":
            if not is_sound:
                raise ValueError("a chunk has a wrong checksum")
            kept.append(view[place : end + 4])
            pixels_began = pixels_began or kind == b"IDAT"
        elif is_sound and kind == b"eXIf":
            exif = data[start:end]
        elif is_sound and kind in {b"tEXt", b"zTXt", b"iTXt"}:  # one of a kind, however many there are
            if xmp is None and data.startswith(XMP_KEYWORD, start, end):
                xmp = text_of_chunk(kind, data[start:end])
            elif old_exif is None and data.startswith(EXIF_KEYWORD, start, end):
                old_exif = exif_in_text(text_of_chunk(kind, data[start:end]))
        elif is_sound and kind == b"acTL" and not pixels_began:
            controls.append(data[start:end])
        elif is_sound and kind == b"fcTL" and not pixels_began:
            first_is_a_frame = True
        place = end + 4
    stripped = b"".join([*kept, _END])
    return StrippedFile(
        stripped, orientation(exif or old_exif or b"", xmp or b""), _pictures(controls, first_is_a_frame)
    )


def strip_jpeg(data: bytes) -> StrippedFile:
    """Keeps the segments that pixels come from; drops comments, and what programs add for each other.

    Further pictures (MPO) stay behind the first one, where no decoder looks without the list of them.

    Args:
        data: a JPEG file.
    """
    kept, exif, xmp, place = [data[:2]], list[bytes](), b"", 2
    oddity: str | None = None
    while (marker := _next_marker(data, place)) is not None:
        place, kind = marker
        start, end = place + 4, place + 2 + int.from_bytes(data[place + 2 : place + 4])
        if kind == _START_OF_SCAN or kind in _WITHOUT_LENGTH or not start <= end <= len(data):
            break
        if kind == _APP1 and data.startswith(_EXIF, start, end):
            exif.append(data[start + len(_EXIF) : end])  # a long one is in several segments
        elif kind == _APP1 and data.startswith(_XMP, start, end):
            xmp = data[start + len(_XMP) : end]
        elif not (_APP0 <= kind <= _APP15 or kind == _COM) or _tells_colours(data, kind, start, end):
            kept.append(data[place:end])
        if kind in _FRAME_HEADERS:
            oddity = _oddity(kind, data[start:end])
        place = end
    stripped = b"".join([*kept, data[place:]])
    return StrippedFile(stripped, orientation(b"".join(exif), xmp), oddity=oddity)


def _is_critical(kind: bytes) -> bool:
    return not kind[0] & 0x20


def _pictures(controls: list[bytes], first_is_a_frame: bool) -> int:
    """How many pictures a PNG has: the frames of its animation, and the first one where it is no frame."""
    frames = int.from_bytes(controls[0][:4]) if len(controls) == 1 and len(controls[0]) >= 8 else 0
    return frames + (not first_is_a_frame) if frames else 1


def _next_marker(data: bytes, place: int) -> tuple[int, int] | None:
    """Place and kind of the next marker; decoders skip padding, and what stands between segments."""
    while (place := data.find(b"\xff", place)) >= 0 and place + 4 <= len(data):
        kind = data[place + 1]
        if kind not in {0x00, 0xFF}:
            return place, kind
        place += 1
    return None


def _tells_colours(data: bytes, kind: int, start: int, end: int) -> bool:
    """Whether a decoder takes the meaning of a JPEG's channels from a segment; it skips shorter ones."""
    return (kind == _APP0 and data.startswith(b"JFIF\0", start, end) and end - start >= 14) or (
        kind == _APP14 and data.startswith(b"Adobe", start, end) and end - start >= 12
    )


def _oddity(kind: int, header: bytes) -> str | None:
    if kind in _LOSSLESS_OR_HIERARCHICAL:
        return "a lossless or hierarchical JPEG is not supported; send a baseline or progressive one"
    bits, channels = (header[0], header[5]) if len(header) > 5 else (8, 3)
    if 8 < bits <= 16:
        return f"a JPEG of {bits} bits a channel is not supported; send 8 bits a channel"
    if channels == 2 or 4 < channels < 10:
        return f"a JPEG of {channels} channels is not supported; send 1, 3 or 4"
    return None
