"""What an image processor makes of a pixel, looked up in a table in place of computed for every frame.

The frames that reach the engine have the model's size already, so a processor of CLIP's kind only scales and
normalises: each of its numbers follows from one channel of one pixel. The processor itself fills the table,
so what is looked up equals what it would compute, bit for bit. Not for processors that cut frames into
patches, and not for resizing (``reward_client/fitting.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

LEVELS = 256


def probes(size_px: int) -> list[Image.Image]:
    """Two square frames that tell what a processor does, for ``PixelTable.learned``.

    Args:
        size_px: their side, at least 16: the first pixels of the first frame are all levels from 0 on.
    """
    noise = np.random.default_rng(0).integers(0, LEVELS, (2, size_px * size_px, 3), dtype=np.uint8)
    noise[0, :LEVELS] = np.arange(LEVELS, dtype=np.uint8)[:, None]
    noise[1] //= 4  # dark: what it makes of a pixel must not follow from the others
    return [Image.fromarray(frame.reshape(size_px, size_px, 3)) for frame in noise]


class PixelTable:
    """Turns frames into what a model's processor makes of them.

    Args:
        values: ``(3, 256)``, what the processor makes of each level of each channel; any dtype of torch.
    """

    def __init__(self, values: torch.Tensor) -> None:
        self._dtype = values.dtype
        # numpy has no bfloat16; only bytes are moved
        kind = {2: torch.int16, 4: torch.int32, 8: torch.int64}[values.element_size()]
        self._values: NDArray[Any] = values.contiguous().view(kind).numpy()

    @classmethod
    def learned(cls, processed: Sequence[Any], size_px: int) -> PixelTable | None:
        """The table of a processor.

        Args:
            processed: what it made of each of ``probes(size_px)``, ideally tensors ``(3, size_px, size_px)``.
            size_px: side of the frames.

        Returns:
            None where the processor does more than look at each pixel alone.
        """
        for tensor in processed:
            if not isinstance(tensor, torch.Tensor) or tensor.shape != (3, size_px, size_px):
                return None
        if processed[0].element_size() not in {2, 4, 8}:
            return None
        table = cls(processed[0].reshape(3, -1)[:, :LEVELS])
        frames = zip(probes(size_px), processed, strict=True)
        return table if all(torch.equal(table.look_up(frame), tensor) for frame, tensor in frames) else None

    def look_up(self, image: Image.Image) -> torch.Tensor:
        """The model's input.

        Args:
            image: RGB.

        Returns:
            ``(3, height, width)``, in the dtype of the table.
        """
        levels = np.asarray(image)
        looked_up = np.empty((3, *levels.shape[:2]), self._values.dtype)
        for channel, values in enumerate(self._values):
            # "clip" checks nothing: a level is in the table
            np.take(values, levels[:, :, channel], out=looked_up[channel], mode="clip")
        return torch.from_numpy(looked_up).view(self._dtype)
