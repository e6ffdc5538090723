"""Refuses what is not a frame, with the line of code that makes it one.

Not for encoding (``reward_client/frames.py``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAKE = "make the environment with gym.make(..., render_mode='rgb_array')"


def checked_frame(frame: object, name: str = "the frame") -> NDArray[np.uint8]:
    """What an environment rendered, if it is a frame.

    A view is one: it is encoded or copied before the environment draws over it.

    Args:
        frame: what ``render()`` gave.
        name: what messages call it.

    Returns:
        ``(H, W, 3)`` uint8 RGB.

    Raises:
        ValueError: it is something else. Where one expression makes it a frame, the message ends with it.
    """
    if not isinstance(frame, np.ndarray):
        raise ValueError(f"{name} is of type {type(frame).__name__}; {_MAKE}")
    line = _line(frame)
    if line == "frame" and 0 not in frame.shape:
        return frame
    found = f"{name} has the shape {frame.shape} and the dtype {frame.dtype}"
    if line is None or line == "frame":
        raise ValueError(f"{found}; a frame is (H, W, 3) uint8 RGB")
    raise ValueError(
        f"{found}; a frame is (H, W, 3) uint8 RGB: let render() of the environment return {line}"
    )


def _line(frame: NDArray[Any]) -> str | None:
    """The expression that makes a frame of it; None where there is none."""
    shape = frame.shape
    if len(shape) == 2 or (len(shape) == 3 and shape[2] == 1):
        line = "np.repeat(frame.reshape(*frame.shape[:2], 1), 3, axis=2)"
    elif len(shape) == 3 and shape[2] == 3:
        line = "frame"
    elif len(shape) == 3 and shape[2] == 4:
        line = "frame[..., :3]"
    elif len(shape) == 3 and shape[0] == 3:
        line = "frame.transpose(1, 2, 0)"
    else:
        return None
    if frame.dtype == np.uint8:
        return line
    if frame.dtype.kind == "f":
        unit = frame.size > 0 and float(frame.min()) >= 0.0 and float(frame.max()) <= 1.0
        return f"({line} * 255).round().astype(np.uint8)" if unit else f"{line}.round().astype(np.uint8)"
    return f"{line}.astype(np.uint8)" if frame.dtype.kind in "iu" else None
