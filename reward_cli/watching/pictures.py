"""Frames as coloured half blocks, two pixels a character. Not for what stands below them (``view.py``)."""

from __future__ import annotations

import base64
import binascii
import io
from functools import lru_cache

import numpy as np
from PIL import Image, UnidentifiedImageError
from rich.text import Text

UPPER_HALF = "▀"


@lru_cache(maxsize=16)
def half_blocks(data_url: str, chars: int, lines: int) -> Text:
    """A picture that fits into so many characters and lines, in its own proportions.

    Args:
        data_url: of a PNG or JPEG; what is none gives an empty text.
        chars: the greatest width.
        lines: the greatest height.

    Returns:
        The picture, which is kept for the next call: not to be changed.
    """
    try:
        image = Image.open(io.BytesIO(base64.b64decode(data_url.partition(",")[2]))).convert("RGB")
    except (OSError, UnidentifiedImageError, ValueError, binascii.Error):
        return Text()
    scale = min(chars / image.width, 2 * lines / image.height)
    width, height = max(1, round(image.width * scale)), max(2, 2 * round(image.height * scale / 2))
    pixels = np.asarray(image.resize((width, height), Image.Resampling.BOX)).tolist()
    text = Text(no_wrap=True)
    for upper, lower in zip(pixels[::2], pixels[1::2], strict=True):
        if text:
            text.append("\n")
        for above, below in zip(upper, lower, strict=True):
            text.append(UPPER_HALF, f"{_colour(above)} on {_colour(below)}")
    return text


def _colour(rgb: list[int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb)
