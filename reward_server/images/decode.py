"""From the base64 text of a request to an RGB image, within limits. Input here is hostile.

Not for resizing (``reward_client/fitting.py``).
"""

from __future__ import annotations

import base64
import binascii
import io
import warnings
from dataclasses import dataclass

from PIL import Image

from reward_server.images.strip import StrippedFile, strip_jpeg, strip_png

# Our own limit on pixels is the stricter one.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How an image with an EXIF orientation is turned upright."""


class ImageError(Exception):
    """An image cannot be scored; the message says why, for a person."""


@dataclass(frozen=True)
class ImageLimits:
    """What an image may be.

    Attributes:
        max_pixels: width times height, in pixels.
        max_aspect_ratio: longer side over shorter side. Resizing a 2000x1 image by its shortest edge
            would take a gigabyte.
    """

    max_pixels: int
    max_aspect_ratio: float

    def check(self, width: int, height: int) -> None:
        """Returns where an image of this size, in pixels, is accepted.

        Raises:
            ImageError: it is over a limit.
        """
        if width * height > self.max_pixels:
            raise ImageError(f"the image has {width}x{height} pixels; the limit is {self.max_pixels} in all")
        if max(width, height) > self.max_aspect_ratio * min(width, height):
            raise ImageError(
                f"the image is {width}x{height}; one side may be at most {self.max_aspect_ratio:g} times "
                "the other"
            )


def read_base64(text: str) -> bytes:
    """The image file that a request's text holds.

    Raises:
        ImageError: not base64.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        hint = "; send the base64 alone, without a data: prefix" if text.startswith("data:") else ""
        raise ImageError(f"not valid base64{hint}") from error


def decode_image(data: bytes, limits: ImageLimits) -> Image.Image:
    """Decodes one image file.

    Args:
        data: a PNG or JPEG file.
        limits: what is accepted.

    Returns:
        RGB image, the first one of a JPEG with several; transparency over white, EXIF orientation applied.

    Raises:
        ImageError: not PNG or JPEG, damaged, animated, over 8 bits, a rare kind of JPEG, or over
            a limit.
    """
    if not data:
        raise ImageError("the image is empty")
    if not data.startswith((_PNG, _JPEG)):
        raise ImageError("not a PNG or JPEG image")
    oddity = None
    try:
        file = strip_png(data) if data.startswith(_PNG) else strip_jpeg(data)
        oddity = file.oddity
        return _decode(file, limits)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:  # Pillow's own limit, before ours can be checked
        raise ImageError(f"the image has too many pixels; the limit is {limits.max_pixels} in all") from error
    except MemoryError as error:
        raise ImageError("the image takes too much memory") from error
    except Exception as error:
        raise ImageError(oddity or "the image is damaged and cannot be decoded") from error


def _decode(file: StrippedFile, limits: ImageLimits) -> Image.Image:
    image: Image.Image = Image.open(io.BytesIO(file.data), formats=("PNG", "JPEG"))
    limits.check(*image.size)
    if file.pictures > 1:
        raise ImageError("the image is animated; send one frame")
    if image.mode.startswith("I") or image.mode == "F":
        raise ImageError("16-bit grey images are not supported; send 8 bits a channel")
    if file.orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[file.orientation])
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.new("RGB", rgba.size, "white")
        image.paste(rgba, mask=rgba.getchannel("A"))
    return image.convert("RGB")
