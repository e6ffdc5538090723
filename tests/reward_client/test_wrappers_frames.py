"""Frames that are not uint8 RGB are refused, and the line of code in the message mends them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from reward_client.wrappers import VLMReward
from reward_client.wrappers.frame_check import checked_frame
from tests.reward_client.shades import Shade, ShadeClient

RGB = (np.arange(6 * 7 * 3).reshape(6, 7, 3) * 2).astype(np.uint8)
GREY = RGB[..., 0]
GREY_RGB = np.stack([GREY] * 3, axis=2)

BAD = {
    "float in 0 to 1": (RGB / 255, RGB),
    "float32 in 0 to 1": ((RGB / 255).astype(np.float32), RGB),
    "float in 0 to 255": (RGB.astype(np.float64), RGB),
    "int64": (RGB.astype(np.int64), RGB),
    "grey": (GREY, GREY_RGB),
    "grey with a channel": (GREY[..., None], GREY_RGB),
    "RGBA": (np.concatenate([RGB, RGB[..., :1]], axis=2), RGB),
    "channels first": (RGB.transpose(2, 0, 1), RGB),
    "float RGBA": (np.concatenate([RGB, RGB[..., :1]], axis=2) / 255, RGB),
    "float grey": (GREY / 255, GREY_RGB),
    "float, channels first": (RGB.transpose(2, 0, 1) / 255, RGB),
}


@pytest.mark.parametrize("name", BAD)
def test_the_line_in_the_message_mends_the_frame(name: str) -> None:
    frame, wanted = BAD[name]
    with pytest.raises(ValueError, match="render") as refused:
        checked_frame(frame)
    found = re.search(r"return (.+)$", str(refused.value))
    assert found
    mended = eval(found[1], {"frame": frame, "np": np})
    np.testing.assert_array_equal(checked_frame(mended), wanted)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (None, "render_mode='rgb_array'"),
        ([RGB, RGB], "render_mode='rgb_array'"),
        ("ansi", "render_mode='rgb_array'"),
        (np.zeros((2, 6, 4, 3), np.uint8), r"\(2, 6, 4, 3\)"),
        (np.zeros((0, 4, 3), np.uint8), r"\(0, 4, 3\)"),
        (np.array([["a"]]), "<U1"),
    ],
)
def test_what_cannot_be_mended_is_refused_with_what_it_is(frame: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checked_frame(frame)


def test_a_view_is_a_frame() -> None:
    frame = RGB[::-1, ::-1].transpose(1, 0, 2)  # as CartPole's
    assert frame.base is not None
    np.testing.assert_array_equal(checked_frame(frame), frame)


def test_the_wrapper_refuses_such_a_frame_at_its_first_step() -> None:
    class Float(Shade):
        def render(self) -> Any:
            return super().render() / 255

    env = VLMReward(Float("rgb_array"), ShadeClient(), "r", on_null="raise")
    env.reset()
    with pytest.raises(ValueError, match=r"\(frame \* 255\)\.round\(\)\.astype\(np\.uint8\)"):
        env.step(np.int64(0))
