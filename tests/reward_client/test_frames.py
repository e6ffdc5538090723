"""What may be passed as frames: taken, or one sentence that says what to pass, before anything is sent."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from reward_client.frames import image_file, image_files

FRAME = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def pixels(frame: Any) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(image_file(frame))) as image:
        return np.asarray(image.convert("RGB"))


def jpeg(orientation: int) -> bytes:
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(FRAME).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "frames",
    [
        [FRAME, FRAME],
        (FRAME, FRAME),
        np.stack([FRAME, FRAME]),
        (frame for frame in (FRAME, FRAME)),
        [image_file(FRAME), bytearray(image_file(FRAME))],
        [memoryview(image_file(FRAME)), Image.fromarray(FRAME)],
        [torch.from_numpy(FRAME), FRAME[:, ::-1][:, ::-1]],
        torch.from_numpy(np.stack([FRAME, FRAME])),
        [Image.fromarray(FRAME).convert("RGBA"), np.asfortranarray(FRAME)],
        {"a": FRAME, "b": FRAME}.values(),
    ],
    ids=range(10),
)
def test_frames_of_many_kinds_are_taken(frames: Any) -> None:
    taken = image_files(frames)
    assert len(taken) == 2
    for frame in taken:
        assert (pixels(frame) == FRAME).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "HSV", "PA", "RGBa"])
def test_pillow_images_of_every_mode_become_a_picture(mode: str) -> None:
    image = Image.fromarray(FRAME).convert("L" if mode in {"I", "F"} else "RGB").convert(mode)
    (taken,) = image_files([image])
    assert (pixels(taken) == np.asarray(image.convert("RGB"))).all()


def test_a_pillow_image_is_turned_as_its_file_would_be() -> None:
    with Image.open(io.BytesIO(jpeg(6))) as image:
        assert pixels(image).shape == (8, 6, 3)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([None], "frame 0 is None; make the environment with render_mode='rgb_array'"),
        ([FRAME, None], "frame 1 is None"),
        (None, "frames is of type NoneType; pass a list of frames"),
        (FRAME, r"frames is one frame; pass a list: \[frame\]"),
        (image_file(FRAME), "frames is one bytes; pass a list"),
        (Image.fromarray(FRAME), "frames is one Image; pass a list"),
        (bytearray(image_file(FRAME)), "frames is one bytearray"),
        ("frame.png", "frames is one str; pass a list"),
        (Path("frame.png"), "frames is one PosixPath; pass a list"),
        (["frame.png"], "frame 0 is of type str; pass the file's bytes"),
        ([Path("frame.png")], "frame 0 is of type PosixPath; pass the file's bytes"),
        ([[FRAME]], "frame 0 is of type list; a frame is"),
        ([(FRAME, {})], "frame 0 is of type tuple"),
        ([{"image": FRAME}], "frame 0 is of type dict"),
        ({"image": FRAME}, "frames is of type dict"),
        (7, "frames is of type int"),
        ([7], "frame 0 is of type int"),
        (np.stack([FRAME])[None], r"frames has the shape \(1, 1, 6, 8, 3\); a stack of frames is"),
        (FRAME[..., 0], r"frames has the shape \(6, 8\)"),
        ([np.stack([FRAME])], r"frame 0 has the shape \(1, 6, 8, 3\), a stack"),
        ([FRAME[..., 0]], r"frame 0 has the shape \(6, 8\), grey"),
        ([FRAME.transpose(2, 0, 1)], r"frame 0 has the shape \(3, 6, 8\), channels first"),
        ([np.dstack([FRAME, FRAME[..., :1]])], r"frame 0 has the shape \(6, 8, 4\), with alpha"),
        ([FRAME / 255], "frame 0 has the dtype float64; its values are 0 to 255"),
        (np.stack([FRAME]).astype(np.int64), "frame 0 has the dtype int64"),
        ([torch.from_numpy(FRAME).float()], "frame 0 has the dtype float32"),
        ([FRAME > 7], "frame 0 has the dtype bool"),
        ([np.zeros((0, 4, 3), np.uint8)], r"frame 0 has the shape \(0, 4, 3\)"),
        ([np.array(["a", None], dtype=object)], r"frame 0 has the shape \(2,\)"),
    ],
    ids=range(29),
)
def test_what_is_no_frame_gets_one_sentence(frames: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        image_files(frames)
    assert "\n" not in str(caught.value)


def test_a_pillow_image_whose_file_is_cut_off_is_named() -> None:
    with (
        Image.open(io.BytesIO(image_file(FRAME)[:120])) as image,
        pytest.raises(ValueError, match="is a Pillow image that cannot be used"),
    ):
        image_file(image)


@pytest.mark.parametrize("mode", ["I", "I;16", "F"])
def test_a_pillow_image_of_unknown_range_is_refused(mode: str) -> None:
    image = Image.fromarray(np.full((4, 4), 1000, np.uint16)) if mode == "I;16" else Image.new(mode, (4, 4))
    with pytest.raises(
        ValueError, match=f"frame 0 is a Pillow image that cannot be used: its mode is {mode}"
    ):
        image_files([image])


def test_an_array_that_cannot_be_read_is_named() -> None:
    class OnGpu:
        def __array__(self, *_arguments: object, **_options: object) -> NDArray[np.uint8]:
            raise TypeError("can't convert cuda:0 device type tensor to numpy.\nUse Tensor.cpu()")

    for frames in ([OnGpu()], OnGpu(), [torch.zeros(4, 4, 3, requires_grad=True)]):
        with pytest.raises(ValueError, match="cannot be read as an array: "):
            image_files(frames)
