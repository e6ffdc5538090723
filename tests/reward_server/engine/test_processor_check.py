"""A model's own processor may only normalise the frames that the server prepared."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from transformers import AutoProcessor, CLIPImageProcessorPil

from reward_server.engine.processor_check import FREE_SIZE_PX, changes_of, input_size_px
from tests.paths import CHECKPOINT

SQUARE = {"height": 56, "width": 56}


def test_the_shipped_processor_changes_nothing() -> None:
    assert changes_of(AutoProcessor.from_pretrained(CHECKPOINT).image_processor, 224) == ""


def test_the_processor_of_llava_1_5_changes_no_square_frame() -> None:
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": 56}, crop_size=SQUARE, do_center_crop=True, do_resize=True
    )
    assert changes_of(processor, 56) == ""


@pytest.mark.parametrize(
    ("options", "change"),
    [
        ({"size": {"height": 50, "width": 50}, "crop_size": {"height": 50, "width": 50}}, "values"),
        ({"size": {"height": 60, "width": 60}, "crop_size": SQUARE}, "resizes"),
        ({"do_resize": False, "crop_size": {"height": 55, "width": 57}}, "values"),
        ({"do_resize": False, "crop_size": {"height": 28, "width": 112}}, "crops or pads"),
    ],
)
def test_another_change_is_named(options: dict[str, Any], change: str) -> None:
    assert change in changes_of(CLIPImageProcessorPil(**options), 56)


@pytest.mark.parametrize(
    ("vision", "size_px"),
    [
        (SimpleNamespace(image_size=336), 336),
        (SimpleNamespace(image_size=[448, 448]), 448),
        (SimpleNamespace(patch_size=14), FREE_SIZE_PX),
        (None, FREE_SIZE_PX),
    ],
)
def test_the_input_size_is_the_models_own(vision: object, size_px: int) -> None:
    assert input_size_px(SimpleNamespace(vision_config=vision)) == size_px
