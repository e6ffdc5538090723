"""Draws the model's answer on a copy of its frame. Not for keeping frames (``samples.py``)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from reward_client.schema import RewardItem
from reward_tasks.task import Column, Task


def mark(
    frame: NDArray[np.uint8], item: RewardItem, task: Task, observation: NDArray[np.float32]
) -> Image.Image:
    """Draws an answer on a copy of its frame: a line of text, and a needle where the task points one.

    Args:
        frame: ``(H, W, 3)`` uint8 RGB.
        item: the server's answer.
        task: knows the truth, and where a value is drawn.
        observation: ``(D,)``, of the frame.
    """
    image = Image.fromarray(frame).convert("RGB")
    draw = ImageDraw.Draw(image)
    reward = "none" if item.reward is None else f"{item.reward:.3f}"
    read = "nothing" if item.value is None else f"{item.value:+.2f} {item.unit or ''}".strip()
    truth = task.truth(observation[None])
    lines = [
        f'answer "{item.text or ""}"   read {read}   reward {reward}   {item.status.value}',
        "   ".join(true_text(column, float(truth[column.name][0])) for column in task.columns[:1]),
    ]
    font = ImageFont.load_default(size=16)
    draw.multiline_text((12, 10), "\n".join(lines), fill=(20, 20, 20), font=font, spacing=6)
    if item.value is not None and (line := task.pointer(observation, item.value, item.unit)):
        draw.line(list(line), fill=(200, 30, 30), width=2)
    return image


def true_text(column: Column, value: float) -> str:
    """What is true, in words.

    >>> true_text(Column("tilt_deg", "tilt", "deg"), -3.0)
    'true tilt -3.00 deg'
    """
    return f"true {column.title} {value:+.2f} {column.unit or ''}".strip()
