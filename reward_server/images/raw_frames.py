"""From an array file (npy) to frames: pixels that need no decoding. Input here is hostile.

The header is checked before the pixels are touched, nothing is unpickled, and no pixel is copied. Limits on
an image's size are the same as for files (``decode.py``, ``prepare.py``).
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

MAX_HEADER_BYTES = 1024
"""NumPy's own header of such an array takes 128 bytes."""

WANTED = "send np.save's file of a uint8 array of shape (N, H, W, 3) in C order"


class FramesError(ValueError):
    """An array file is not a stack of frames; the message says why, for a person."""


class TooManyFramesError(FramesError):
    """A stack has more frames than a request may have."""


@dataclass(frozen=True)
class RawFrame:
    """A frame as its pixels.

    Attributes:
        pixels: height x width x 3 bytes, RGB, row by row.
        is_fitted: whether the client brought it to the model's input size in the way that it asks for.
    """

    pixels: memoryview
    width: int
    height: int
    is_fitted: bool

    def image(self) -> Image.Image:
        """The frame as an image of Pillow."""
        pixels = np.frombuffer(self.pixels, np.uint8)
        return Image.fromarray(pixels.reshape(self.height, self.width, 3))


def read_frames(file: memoryview, max_frames: int, *, are_fitted: bool) -> list[RawFrame]:
    """Reads a stack of frames.

    Args:
        file: an array file of uint8 ``(N, H, W, 3)``, RGB, in C order, format version 1 or 2.
        max_frames: largest accepted N.
        are_fitted: whether the client says that they have been fitted.

    Returns:
        N views into the file.

    Raises:
        TooManyFramesError: N is over the limit.
        FramesError: another file, dtype, order or shape, or more or fewer bytes than the header promises.
    """
    shape, start = _header(file)
    count, height, width, _ = shape
    if count > max_frames:
        raise TooManyFramesError(f"{count} images in one request; the limit is {max_frames}")
    size, got = height * width * 3, len(file) - start
    if got != count * size:
        raise FramesError(
            f"the header promises {count * size} bytes of pixels (shape {shape}), but {got} follow"
        )
    return [
        RawFrame(file[place : place + size], width, height, are_fitted)
        for place in range(start, len(file), size)
    ]


def _header(file: memoryview) -> tuple[tuple[int, int, int, int], int]:
    """Shape, and where the pixels start."""
    npy: Any = np.lib.format  # it has no annotations
    head = io.BytesIO(file[: MAX_HEADER_BYTES + npy.MAGIC_LEN + 4])
    try:
        version = npy.read_magic(head)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, fortran_order, dtype = read(head, max_header_size=MAX_HEADER_BYTES)
    except Exception as error:  # whatever a header makes of NumPy, which evaluates it as a literal
        raise FramesError(f"not an array file that can be read; {WANTED}") from error
    if dtype.hasobject:
        raise FramesError(f"the array holds Python objects, which are never unpickled; {WANTED}")
    if dtype != np.uint8:
        raise FramesError(f"the array's dtype is {np.dtype(dtype).name}; {WANTED}")
    if len(shape) != 4 or shape[3] != 3 or min(shape) < 1:
        raise FramesError(f"the array's shape is {_shown(shape)}; {WANTED}, none of them 0")
    if fortran_order:
        raise FramesError(f"the array is in Fortran order; {WANTED}")
    return shape, head.tell()


def _shown(shape: tuple[int, ...]) -> str:
    text = str(shape)
    return text if len(text) <= 60 else f"of {len(shape)} dimensions"
