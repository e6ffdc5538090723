"""An array file is a stack of frames or one sentence that says why not, before its pixels are touched."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import pytest

from reward_server.images.raw_frames import FramesError, TooManyFramesError, read_frames

FRAMES = np.random.default_rng(0).integers(0, 256, (3, 4, 6, 3), dtype=np.uint8)


def npy(array: Any, version: tuple[int, int] | None = None) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asanyarray(array), version)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def header(text: str, pixels: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode("latin-1") + pixels


def described(descr: str = "'|u1'", order: str = "False", shape: str = "(1, 1, 1, 3)") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_frames_are_views_of_the_file(version: tuple[int, int]) -> None:
    file = npy(FRAMES, version)
    frames = read_frames(memoryview(file), 3, are_fitted=False)
    assert [(frame.width, frame.height) for frame in frames] == [(6, 4)] * 3
    for frame, pixels in zip(frames, FRAMES, strict=True):
        assert frame.pixels.obj is file
        assert (np.asarray(frame.image()) == pixels).all()


def test_numpys_other_spellings_of_a_byte_are_taken() -> None:
    for descr in ("'u1'", "'<u1'", "'>u1'", "'B'", "'uint8'"):
        assert read_frames(memoryview(header(described(descr), b"abc")), 1, are_fitted=False)


BAD = {
    "nothing": (b"", "not an array file"),
    "a PNG": (b"\x89PNG\r\n\x1a\n" + bytes(100), "not an array file"),
    "the magic alone": (b"\x93NUMPY", "not an array file"),
    "a version to come": (b"\x93NUMPY\x09\x00" + bytes(200), "not an array file"),
    "cut off in its header": (npy(FRAMES)[:50], "not an array file"),
    "a header that never ends": (b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b"{" * 5000, "not an array file"),
    "a long header": (header(described() + " " * 60_000, b"abc"), "not an array file"),
    "deep brackets": (header("(" * 900), "not an array file"),
    "many signs": (header("-" * 900 + "1"), "not an array file"),
    "code": (header("__import__('os').abort()"), "not an array file"),
    "other keys": (header("{'descr': '|u1'}"), "not an array file"),
    "a shape of text": (header(described(shape="('1',)")), "not an array file"),
    "no dtype": (header(described("'nonsense'")), "not an array file"),
    "Python 2's numbers": (header(described(shape="(1L, 1L, 1L, 3L)"), b"abc"), "not an array file"),
    "not a header": (header("\xff\xfe\x00"), "not an array file"),
    "objects": (npy(np.array([print], dtype=object)), "Python objects, which are never unpickled"),
    "a pickle": (pickle.dumps(FRAMES), "not an array file"),
    "floats": (npy(FRAMES / 255), "dtype is float64"),
    "signed": (npy(FRAMES.astype(np.int8)), "dtype is int8"),
    "bools": (npy(FRAMES > 7), "dtype is bool"),
    "a record": (npy(np.zeros((1, 1, 1, 3), [("a", "u1")])), "dtype is void8"),
    "Fortran order": (npy(np.asfortranarray(FRAMES)), "Fortran order"),
    "one frame alone": (npy(FRAMES[0]), r"shape is \(4, 6, 3\)"),
    "with alpha": (npy(np.zeros((1, 4, 6, 4), np.uint8)), r"shape is \(1, 4, 6, 4\)"),
    "channels first": (npy(FRAMES.transpose(0, 3, 1, 2).copy()), r"shape is \(3, 3, 4, 6\)"),
    "no frames": (npy(FRAMES[:0]), r"shape is \(0, 4, 6, 3\)"),
    "no rows": (npy(FRAMES[:, :0]), r"shape is \(3, 0, 6, 3\)"),
    "fewer than nothing": (header(described(shape="(-1, -1, 1, 3)"), b"abc"), r"shape is \(-1, -1, 1, 3\)"),
    "endless dimensions": (header(described(shape="(" + "1, " * 200 + ")")), "shape is of 200 dimensions"),
    "too few pixels": (npy(FRAMES)[:-1], r"promises 216 bytes of pixels \(shape .*\), but 215 follow"),
    "too many pixels": (npy(FRAMES) + b"x", "but 217 follow"),
    "a promise of everything": (header(described(shape="(1, 99999999, 99999999, 3)")), "but 0 follow"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_stack_of_frames_is_refused_with_the_reason(name: str) -> None:
    file, message = BAD[name]
    with pytest.raises(FramesError, match=message) as caught:
        read_frames(memoryview(file), 64, are_fitted=False)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


def test_too_many_frames_are_refused_before_their_pixels_are_counted() -> None:
    many = header(described(shape="(9999999999, 1, 1, 3)"))
    for file in (npy(FRAMES), many):
        with pytest.raises(TooManyFramesError, match="images in one request; the limit is 2"):
            read_frames(memoryview(file), 2, are_fitted=False)
