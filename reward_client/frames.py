"""Frames and their bytes: what a caller may pass as frames, and encoding it for the wire.

Not for decoding what a stranger sent; the server does that with its limits (``images/decode.py``).
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

Frame = NDArray[np.uint8] | bytes | bytearray | memoryview | Image.Image
"""An ``(H, W, 3)`` uint8 RGB array, the bytes of a PNG or JPEG file, or an image of Pillow."""

Frames = Iterable[Frame] | NDArray[np.uint8]
"""Frames in any iterable, or stacked: ``(N, H, W, 3)`` uint8."""

WANTED = "a frame is an (H, W, 3) uint8 RGB array, the bytes of a PNG or JPEG file, or a Pillow image"
_PNG_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})
_WITH_ALPHA = {"La": "LA", "PA": "RGBA", "RGBa": "RGBA"}
"""What the server lays over white; other modes become RGB."""


def image_files(frames: object) -> list[bytes]:
    """The image files of what a caller passes as frames, before anything is sent.

    Each frame is encoded as soon as it is seen: a caller may fill one buffer again and again.

    Args:
        frames: an iterable of frames, or a stack ``(N, H, W, 3)``.

    Raises:
        ValueError: it is something else; the message says what to pass.
    """
    return [image_file(frame, f"frame {place}") for place, frame in enumerate(_each(frames))]


def own_frames(
    frames: object, max_array_bytes: int, name: Callable[[int], str] = "frame {}".format
) -> list[bytes | NDArray[np.uint8]]:
    """What a caller passes as frames, safe from what the caller does to them next.

    Args:
        frames: as ``image_files`` takes them.
        max_array_bytes: arrays are kept as arrays while they take no more than this together.
        name: what messages call the frame at a place.

    Returns:
        For each frame its image file; or, of one that came as an array and while there is room, the array: a
        copy, or itself where nobody can write into it.

    Raises:
        ValueError: it is something else; the message says what to pass.
    """
    taken, left = list[bytes | NDArray[np.uint8]](), max_array_bytes
    for place, frame in enumerate(_each(frames)):
        file_or_array = _checked(frame, name(place))
        if not isinstance(file_or_array, bytes):
            left -= file_or_array.nbytes
            file_or_array = _own(file_or_array) if left >= 0 else png_of(file_or_array)
        taken.append(file_or_array)
    return taken


def _own(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    is_own = array.flags.owndata and array.flags.c_contiguous and not array.flags.writeable
    return array if is_own else np.array(array, order="C")


def _each(frames: object) -> Iterable[object]:
    if isinstance(frames, bytes | bytearray | memoryview | str | PathLike | Image.Image):
        raise ValueError(f"frames is one {type(frames).__name__}; pass a list of frames; {WANTED}")
    if hasattr(frames, "__array__"):
        stack = _array(frames, "frames")
        if stack.ndim == 3:
            raise ValueError("frames is one frame; pass a list: [frame]")
        if stack.ndim != 4:
            raise ValueError(f"frames has the shape {stack.shape}; a stack of frames is (N, H, W, 3)")
        frames = stack
    if not isinstance(frames, Iterable) or isinstance(frames, dict):
        raise ValueError(f"frames is {_named(frames)}; pass a list of frames; {WANTED}")
    return frames


def image_file(frame: object, name: str = "the frame") -> bytes:
    """The image file of what a caller passes as one frame.

    Args:
        frame: an array, or what can be seen as one, such as a tensor, or a Pillow image, which become PNG;
            or the bytes of a PNG or JPEG file, which stay as they are.
        name: what messages call it.

    Raises:
        ValueError: it is something else, or an image that cannot be read; the message says what to pass.
    """
    file_or_array = _checked(frame, name)
    return file_or_array if isinstance(file_or_array, bytes) else png_of(file_or_array)


def _checked(frame: object, name: str) -> bytes | NDArray[np.uint8]:
    """A frame's image file; of an array the array itself."""
    if frame is None:
        raise ValueError(
            f"{name} is None; make the environment with render_mode='rgb_array' and pass env.render()"
        )
    if isinstance(frame, bytes | bytearray | memoryview):
        return bytes(frame)
    if isinstance(frame, Image.Image):
        return _of_pillow(frame, name)
    if isinstance(frame, str | PathLike):
        raise ValueError(f"{name} is {_named(frame)}; pass the file's bytes: Path(...).read_bytes()")
    if not hasattr(frame, "__array__"):
        raise ValueError(f"{name} is {_named(frame)}; {WANTED}")
    array = _array(frame, name)
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise ValueError(f"{name} has the shape {array.shape}{_shape_hint(array.shape)}; {WANTED}")
    if array.dtype != np.uint8:
        hint = "; its values are 0 to 255" if array.dtype.kind in "fiu" else ""
        raise ValueError(f"{name} has the dtype {array.dtype}{hint}; {WANTED}")
    return array


def png_of(frame: NDArray[np.uint8]) -> bytes:
    """The PNG file of a frame, ``(H, W, 3)`` uint8 RGB."""
    return _png(Image.fromarray(np.ascontiguousarray(frame)))


def _array(value: object, name: str) -> NDArray[Any]:
    try:
        return np.asarray(value)
    except Exception as error:  # whatever a library's own arrays raise, such as a tensor on a GPU
        reason = (str(error).splitlines() or [""])[0]
        raise ValueError(f"{name} cannot be read as an array: {type(error).__name__}: {reason}") from error


def _named(value: object) -> str:
    return f"of type {type(value).__name__}"


def _shape_hint(shape: tuple[int, ...]) -> str:
    if len(shape) == 4:
        return ", a stack; pass its frames one by one"
    if len(shape) == 3 and shape[2] == 4:
        return ", with alpha; pass frame[..., :3]"
    if len(shape) == 3 and shape[0] == 3:
        return ", channels first; pass frame.transpose(1, 2, 0)"
    if len(shape) == 2 or (len(shape) == 3 and shape[2] == 1):
        return ", grey; pass np.repeat(frame.reshape(H, W, 1), 3, axis=2)"
    return ""


def _of_pillow(image: Image.Image, name: str) -> bytes:
    try:
        upright = ImageOps.exif_transpose(image)
        mode = upright.mode
        if mode == "F" or mode.startswith("I"):
            raise ValueError(
                f"its mode is {mode}, and what of it is white is not known; convert it to RGB yourself"
            )
        return _png(upright if mode in _PNG_MODES else upright.convert(_WITH_ALPHA.get(mode, "RGB")))
    except (OSError, ValueError, SyntaxError) as error:  # a file that Pillow had only begun to read
        raise ValueError(f"{name} is a Pillow image that cannot be used: {error}") from error


def to_base64(frame: Frame) -> str:
    """Turns a frame into what ``ScoreRequest.images`` holds.

    Args:
        frame: as ``image_file`` takes it.

    Returns:
        Base64 text.

    Raises:
        ValueError: an array of another shape or dtype, or an image that cannot be read.
    """
    return base64.b64encode(image_file(frame)).decode("ascii")


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    options: dict[str, Any] = (
        {"transparency": image.info["transparency"]} if "transparency" in image.info else {}
    )
    image.save(buffer, format="PNG", compress_level=1, **options)
    return buffer.getvalue()
