"""Puts two images into one, for models that take one image a prompt.

How one frame is fitted is in ``reward_client/fitting.py``, since clients may do it before they send.
"""

from __future__ import annotations

from PIL import Image

from reward_client.fitting import PAD_COLOR


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
