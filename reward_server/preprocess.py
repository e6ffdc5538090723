"""Brings a frame to the model's exact input size, so that the model's own processor changes nothing.

Not for decoding bytes (``decode.py``) and not for normalising pixels (the model's processor does).
"""

from __future__ import annotations

from PIL import Image

PAD_COLOR = (122, 116, 104)
"""CLIP's mean colour in 0..255, with which LLaVA-1.5 pads (``image_aspect_ratio = "pad"``)."""


def pad_to_square(image: Image.Image, size_px: int) -> Image.Image:
    """Pads an image to a square with LLaVA's mean colour, centred, then resizes it.

    Nothing is cropped: on a 600x400 CartPole frame LLaVA's stock processor would cut off both ends
    of the track.

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
