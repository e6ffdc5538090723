"""Which way up a picture is, by its EXIF or XMP. Pure functions; input here is hostile and may be anything.

Pillow reads all tags of a directory, and none behind the first broken one; here no other tag matters.
"""

from __future__ import annotations

import re
import struct
import zlib

UPRIGHT = 1
_TAG = 0x0112
_TYPES = {1: "B", 3: "H", 4: "I"}
_BYTE_ORDERS = {b"II": "<", b"MM": ">"}
_PREFIX = b"Exif\0\0"
_ENTRY_BYTES = 12
_XMP_ORIENTATION = re.compile(rb"tiff:Orientation(?:=[\"']|>)([1-8])(?![0-9])")
_MAX_TEXT_BYTES = 1 << 20

XMP_KEYWORD, EXIF_KEYWORD = b"XML:com.adobe.xmp\0", b"Raw profile type exif\0"
"""How the content of a PNG's text chunk begins that holds XMP, or the EXIF of old editors."""


def orientation(exif: bytes, xmp: bytes) -> int:
    """The orientation that metadata tell.

    Args:
        exif: a TIFF header with its first directory; empty for none.
        xmp: an XMP packet, which counts where EXIF has no orientation; empty for none.

    Returns:
        1 to 8, as EXIF numbers them; 1, upright, where there is none or it cannot be read.
    """
    return _of_exif(exif) or _of_xmp(xmp) or UPRIGHT


def text_of_chunk(kind: bytes, content: bytes) -> bytes:
    """The text of a PNG's text chunk.

    Args:
        kind: ``tEXt``, ``zTXt`` or ``iTXt``.
        content: of the chunk.

    Returns:
        At most 1 MiB of it; nothing where it is packed in a way that does not exist.
    """
    _, _, text = content.partition(b"\0")
    is_packed = kind == b"zTXt"
    if kind == b"iTXt":
        is_packed, text = text[:1] == b"\1", text[2:].split(b"\0", 2)[-1]
    elif is_packed:
        text = text[1:]
    try:
        return zlib.decompressobj().decompress(text, _MAX_TEXT_BYTES) if is_packed else text
    except zlib.error:
        return b""


def exif_in_text(text: bytes) -> bytes:
    """The EXIF in the text that old editors put into a PNG: a name, a length, and digits of base 16."""
    try:
        return bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii"))
    except ValueError:
        return b""


def _of_exif(exif: bytes) -> int | None:
    exif = exif.removeprefix(_PREFIX).removeprefix(_PREFIX)
    order = _BYTE_ORDERS.get(exif[:2])
    if order is None:
        return None
    try:
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start)
        for place in range(start + 2, start + 2 + count * _ENTRY_BYTES, _ENTRY_BYTES):
            tag, kind, values = struct.unpack_from(f"{order}HHI", exif, place)
            if tag == _TAG and kind in _TYPES and values == 1:
                (value,) = struct.unpack_from(order + _TYPES[kind], exif, place + 8)
                return value if 1 <= value <= 8 else None
    except struct.error:  # it ends before its end
        pass
    return None


def _of_xmp(xmp: bytes) -> int | None:
    found = _XMP_ORIENTATION.search(xmp)
    return None if found is None else int(found[1])
