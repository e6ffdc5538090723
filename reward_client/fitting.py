"""Brings a frame to the model's exact input size, so that the model's own processor changes nothing.

Client and server both fit with this code, so that it makes no difference where a frame is fitted. Not for
encoding or decoding (``frames.py``, the server's ``images/decode.py``) and not for normalising pixels (the
model's processor does).
"""

from __future__ import annotations

import math

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image

from reward_client.rubric import Preprocess, PreprocessOrRegion, Region
from reward_client.version import __version__

FITTED_BY = f"vlm-reward {__version__}, pillow {PIL.__version__}"
"""What determines the pixels that come out: a client fits only where the server names the same."""

PAD_COLOR = (122, 116, 104)
"""CLIP's mean colour in 0..255, with which LLaVA-1.5 pads (``image_aspect_ratio = "pad"``)."""


def fit(image: Image.Image, size_px: int, preprocess: PreprocessOrRegion) -> Image.Image:
    """Brings an image to the model's input size in the way that a request asks for.

    Args:
        image: RGB image of any size.
        size_px: side of the model's square input, in pixels.
        preprocess: padding, cropping, stretching, or a region that is cut out and padded.

    Returns:
        RGB image of ``size_px`` x ``size_px``; the image itself where it has that size and no region is cut.
    """
    if isinstance(preprocess, Region):
        return pad_to_square(cut_region(image, preprocess), size_px)
    if image.size == (size_px, size_px):
        return image
    if preprocess is Preprocess.PAD:
        return pad_to_square(image, size_px)
    if preprocess is Preprocess.CROP:
        width, height = image.size
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    return image.resize((size_px, size_px), Image.Resampling.BICUBIC)


def cut_region(image: Image.Image, region: Region) -> Image.Image:
    """Cuts a region out: whole pixels that hold the box, at least one.

    Args:
        image: RGB image.
        region: box in relative coordinates.
    """
    width, height = image.size
    left, top, right, bottom = region.box
    rounding = 1e-6  # pixels: 0.7 * 10 is a little more than 7
    x, y = math.floor(left * width + rounding), math.floor(top * height + rounding)
    x_end, y_end = math.ceil(right * width - rounding), math.ceil(bottom * height - rounding)
    x, y = min(x, width - 1), min(y, height - 1)
    return image.crop((x, y, max(x_end, x + 1), max(y_end, y + 1)))


def pad_to_square(image: Image.Image, size_px: int) -> Image.Image:
    """Pads an image to a square with LLaVA's mean colour, centred, then resizes it.

    Nothing is cropped: of a 600x400 frame LLaVA's stock processor would cut off both ends.

    Args:
        image: RGB image of any size.
        size_px: side of the model's square input, in pixels.

    Returns:
        RGB image of ``size_px`` x ``size_px``.
    """
    width, height = image.size
    side = max(width, height)
    if width > height:
        # Pillow resizes rows, then columns, and rounds in between. Rows of one colour stay as they are, so
        # those above and below the picture need no resizing: a quarter of the time.
        image = _with_width(image, size_px)
    if width != height:
        padded = Image.new("RGB", (image.width if width > height else side, side), PAD_COLOR)
        padded.paste(image, ((padded.width - image.width) // 2, (side - height) // 2))
        image = padded
    if image.size != (size_px, size_px):
        image = image.resize((size_px, size_px), Image.Resampling.BICUBIC)
    return image


def _with_width(image: Image.Image, width_px: int) -> Image.Image:
    """Resizes each row.

    Rendered frames repeat rows (sky, ground, a wall): where at most half of them are new, only these are
    resized. The pixels are the same, since Pillow resizes each row for itself. A few columns tell already
    that a camera's rows are all new: comparing them whole would cost such frames a quarter of the time.
    """
    pixels = np.asarray(image)
    if 2 * _new_rows(pixels[:, ::31]).sum() > len(pixels):
        return image.resize((width_px, image.height), Image.Resampling.BICUBIC)
    new = _new_rows(pixels)
    count = int(new.sum())
    few = Image.fromarray(pixels[new]).resize((width_px, count), Image.Resampling.BICUBIC)
    return Image.fromarray(np.asarray(few)[np.cumsum(new) - 1])


def _new_rows(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which rows differ from the one above, ``(H, W, 3)`` to ``(H,)``."""
    rows = pixels.reshape(len(pixels), -1)
    new = np.ones(len(rows), dtype=np.bool_)
    new[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    return new
