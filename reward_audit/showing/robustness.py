"""Changes of a frame, or of how it becomes the model's input, that leave what it shows.

A reader that can be relied on answers (nearly) as before. Not for nulls and controls (``nulls.py``).
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reward_audit.showing.conditions import Condition, Kind
from reward_client.rubric import Preprocess, Region

JPEG_QUALITY = 75
"""Pillow's own default."""

RESCALED = 0.6
"""Of both sides: CartPole's 600 x 400 frames become 360 x 240, still more than most models see."""

_MARGIN = 0.05


def _jpeg(frame: NDArray[np.uint8], _rng: np.random.Generator) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _recoloured(frame: NDArray[np.uint8], _rng: np.random.Generator) -> NDArray[np.uint8]:
    """Red, green and blue exchanged in turn: what is white or black stays so."""
    return np.ascontiguousarray(frame[..., [2, 0, 1]])


def _rescaled(frame: NDArray[np.uint8], _rng: np.random.Generator) -> NDArray[np.uint8]:
    height, width = frame.shape[:2]
    size = max(1, round(width * RESCALED)), max(1, round(height * RESCALED))
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))


ROBUSTNESS = (
    Condition("jpeg", Kind.ROBUSTNESS, f"as JPEG of quality {JPEG_QUALITY}", 0.02, picture=_jpeg),
    Condition(
        "crop", Kind.ROBUSTNESS, "the centre square in place of padding", 0.02, preprocess=Preprocess.CROP
    ),
    Condition(
        "region",
        Kind.ROBUSTNESS,
        f"without the outer {_MARGIN:.0%} on each side, enlarged",
        0.02,
        preprocess=Region(type="region", box=(_MARGIN, _MARGIN, 1 - _MARGIN, 1 - _MARGIN)),
    ),
    Condition(
        "recoloured",
        Kind.ROBUSTNESS,
        "red, green and blue exchanged in turn",
        0.02,
        picture=_recoloured,
    ),
    Condition(
        "rescaled", Kind.ROBUSTNESS, f"{RESCALED:.0%} of its width and height", 0.02, picture=_rescaled
    ),
)
"""What an audit changes about frames."""
