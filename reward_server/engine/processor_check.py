"""Whether a model's own image processor leaves our frames as they are, but for normalising.

Not for preparing frames (``reward_client/fitting.py``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoConfig, AutoProcessor

from reward_server.engine.model_source import CheckpointError
from reward_server.engine.process_report import in_one_line

FREE_SIZE_PX = 448
"""Input size for models that take any: 32 patches of 14, 28 of 16, in merged pairs."""


def checked_processor(model: str, revision: str | None, size_px: int | None) -> tuple[Any, Any, int]:
    """Loads a model's processor, which must leave our frames as they are.

    Args:
        model: Hub id or folder.
        revision: of the Hub.
        size_px: side of the square frames; None for the model's own.

    Returns:
        The processor and the configuration, both of the transformers library, and the side in pixels.

    Raises:
        CheckpointError: there is no usable processor, or it would change the frames.
    """
    try:
        processor = AutoProcessor.from_pretrained(model, revision=revision)
        config = AutoConfig.from_pretrained(model, revision=revision)
    except Exception as error:  # a dozen types, from the Hub's to the tokenizer's
        raise CheckpointError(
            f"model {model!r} has no usable tokenizer or image processor: {in_one_line(error)}"
        ) from error
    size_px = size_px or input_size_px(config)
    if changes := changes_of(processor.image_processor, size_px):
        raise CheckpointError(
            f"the processor of model {model!r} would change the frames that this server "
            f"prepared ({size_px}x{size_px} RGB): {changes}. Another --input-size-px may fit"
        )
    return processor, config, size_px


def input_size_px(config: Any) -> int:
    """The side of a model's square input, from its Hugging Face configuration."""
    size = getattr(getattr(config, "vision_config", None), "image_size", None)
    if isinstance(size, list | tuple):
        size = size[0]
    return size if isinstance(size, int) else FREE_SIZE_PX


def changes_of(image_processor: Any, size_px: int) -> str:
    """What an image processor does to a frame of the input size beside normalising it.

    A frame of black and white noise goes through it. Normalising, cutting into patches and repeating
    them keep two values for each channel, and as many of one as of the other as in the frame; resizing
    mixes them, and cropping or padding changes their shares.

    Args:
        image_processor: of the transformers library.
        size_px: side of the square frame.

    Returns:
        A clause that says what it changes; empty if nothing.
    """
    white = np.random.default_rng(0).random((size_px, size_px)) < 0.25
    frame = Image.fromarray(np.repeat(white[:, :, None] * np.uint8(255), 3, axis=2))
    values = image_processor(images=frame, return_tensors="pt")["pixel_values"]
    pixels = torch.as_tensor(values).flatten().double().numpy()
    copies, rest = divmod(pixels.size, 3 * size_px * size_px)
    if rest or not copies:
        return f"it makes {pixels.size} values of the frame's {3 * size_px * size_px}"
    levels = np.unique(pixels.round(4))
    if len(levels) > 6:
        return "it resizes the frame"
    is_light = pixels > (levels[0] + levels[-1]) / 2
    if is_light.sum() != copies * 3 * white.sum():
        return "it crops or pads the frame"
    return ""
