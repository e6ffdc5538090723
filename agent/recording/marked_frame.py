"""Draws the model's answer on a copy of its frame. Not for keeping frames (``samples.py``)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from reward_client.schema import RewardItem

_AXLE_Y = 300.0 - 7.5  # CartPole's renderer: the cart's line at 100 px from below, axle a quarter cart up
_PX_PER_UNIT = 600.0 / 4.8
_NEEDLE_PX = 165.0


def mark(frame: NDArray[np.uint8], item: RewardItem, position: float, true_deg: float) -> Image.Image:
    """Draws an answer on a copy of its frame: a line of text, and a needle where a tilt was read.

    Args:
        frame: ``(400, 600, 3)`` uint8 RGB.
        item: the server's answer.
        position: cart position, which places the needle.
        true_deg: true tilt in degrees.
    """
    image = Image.fromarray(frame).convert("RGB")
    draw = ImageDraw.Draw(image)
    reward = "none" if item.reward is None else f"{item.reward:.3f}"
    read = "nothing" if item.value is None else f"{item.value:+.2f} {item.unit or ''}".strip()
    lines = [
        f'answer "{item.text or ""}"   read {read}   reward {reward}   {item.status.value}',
        f"true tilt {true_deg:+.2f} deg",
    ]
    font = ImageFont.load_default(size=16)
    draw.multiline_text((12, 10), "\n".join(lines), fill=(20, 20, 20), font=font, spacing=6)
    if item.unit == "deg" and item.value is not None:
        x = 300.0 + position * _PX_PER_UNIT
        tip = math.radians(item.value)
        end = (x + _NEEDLE_PX * math.sin(tip), _AXLE_Y - _NEEDLE_PX * math.cos(tip))
        draw.line([(x, _AXLE_Y), end], fill=(200, 30, 30), width=2)
    return image
