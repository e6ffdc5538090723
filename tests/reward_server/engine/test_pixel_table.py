"""What is looked up of a frame equals what its processor would compute, bit for bit, or none is looked up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPImageProcessor

from reward_server.engine.pixel_table import PixelTable, probes

SIZE_PX = 28
Process = Callable[[Image.Image], torch.Tensor]


def clip(image: Image.Image) -> torch.Tensor:
    """LLaVA's own processor, at a small size."""
    size = {"height": SIZE_PX, "width": SIZE_PX}
    processor = CLIPImageProcessor(size={"shortest_edge": SIZE_PX}, crop_size=size)
    values: torch.Tensor = processor(images=image, return_tensors="pt")["pixel_values"][0]
    return values


def contrast(image: Image.Image) -> torch.Tensor:
    """Each pixel by itself, but for one number that follows from all of them."""
    values = clip(image)
    return values / values.std()


def mirrored(image: Image.Image) -> torch.Tensor:
    return clip(image).flip(-1)


def patches(image: Image.Image) -> torch.Tensor:
    return clip(image).reshape(-1, 14 * 14)


def learned(process: Process) -> PixelTable | None:
    return PixelTable.learned([process(frame) for frame in probes(SIZE_PX)], SIZE_PX)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_a_frame_is_looked_up_bit_for_bit(dtype: torch.dtype) -> None:
    table = learned(lambda image: clip(image).to(dtype))
    assert table is not None
    levels = np.random.default_rng(1).integers(0, 256, (SIZE_PX, SIZE_PX, 3), dtype=np.uint8)
    frame = Image.fromarray(levels)
    assert table.look_up(frame).dtype == dtype
    assert torch.equal(table.look_up(frame), clip(frame).to(dtype))


@pytest.mark.parametrize("process", [contrast, mirrored, patches])
def test_a_processor_that_does_more_is_left_to_itself(process: Process) -> None:
    assert learned(process) is None


def test_what_is_no_tensor_is_left_to_itself() -> None:
    assert PixelTable.learned([[1.0], [2.0]], SIZE_PX) is None
    assert PixelTable.learned([torch.zeros(3, SIZE_PX, SIZE_PX, dtype=torch.uint8)] * 2, SIZE_PX) is None
