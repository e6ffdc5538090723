"""Brings a frame to the model's exact input size, so that the model's own processor changes nothing.

Not for decoding bytes (``decode.py``) and not for normalising pixels (the model's processor does).
"""

from __future__ import annotations

import math

from PIL import Image

from reward_client.rubric import Preprocess, PreprocessOrRegion, Region

PAD_COLOR = (122, 116, 104)
"""CLIP's mean colour in 0..255, with which LLaVA-1.5 pads (``image_aspect_ratio = "pad"``)."""


def fit(image: Image.Image, size_px: int, preprocess: PreprocessOrRegion) -> Image.Image:
    """Brings an image to the model's input size in the way that a request asks for.

    Args:
        image: RGB image of any size.
        size_px: side of the model's square input, in pixels.
        preprocess: padding, cropping, stretching, or a region that is cut out and padded.

    Returns:
        RGB image of ``size_px`` x ``size_px``.
    """
    if isinstance(preprocess, Region):
        return pad_to_square(cut_region(image, preprocess), size_px)
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
    if width != height:
        square = Image.new("RGB", (side, side), PAD_COLOR)
        square.paste(image, ((side - width) // 2, (side - height) // 2))
        image = square
    if side != size_px:
        image = image.resize((size_px, size_px), Image.Resampling.BICUBIC)
    return image


def compose_pair(left: Image.Image, right: Image.Image, size_px: int) -> Image.Image:
    """Puts two images side by side, for models that take one image a prompt.

    Args:
        left: square RGB image of ``pair_side_px(size_px)``.
        right: another one of the same size.
        size_px: side of the model's square input, in pixels.

    Returns:
        RGB image of ``size_px`` x ``size_px``: both halfway up, a gap between them, on LLaVA's mean
        colour.
    """
    side = pair_side_px(size_px)
    canvas = Image.new("RGB", (size_px, size_px), PAD_COLOR)
    top = (size_px - side) // 2
    canvas.paste(left, (0, top))
    canvas.paste(right, (size_px - side, top))
    return canvas


def pair_side_px(size_px: int) -> int:
    """Side of each image of a composed pair, in pixels: half the input less half a gap of 1/28."""
    return (size_px - size_px // 28) // 2
