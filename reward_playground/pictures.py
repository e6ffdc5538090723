"""Pictures on the page: the frame as the model sees it, nulls of it, thumbnails, and data URLs.

Not for decoding what nobody checked: the server has accepted a picture, or its size is looked at first.
"""

from __future__ import annotations

import base64
import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from reward_audit.showing.conditions import Condition, Kind, same_picture
from reward_audit.showing.nulls import NULLS as AUDIT_NULLS
from reward_client.fitting import fit
from reward_client.frames import png_of
from reward_client.rubric import PreprocessOrRegion
from reward_client.schema import Limits

THUMBNAIL_PX = 160


class PictureError(ValueError):
    """A picture cannot be used; the message says why."""


def _white(frame: NDArray[np.uint8], _rng: np.random.Generator) -> NDArray[np.uint8]:
    return np.full_like(frame, 255)


WHITE = Condition("white", Kind.NULL, "a white frame", 0.0, picture=_white)

_OF_MANY_PICTURES = frozenset({"retest", "still"})
"""Of one picture these are the picture, or what cannot be told from it."""

NULLS: dict[str, Condition] = {
    one.name: one for one in (WHITE, *AUDIT_NULLS) if one.name not in _OF_MANY_PICTURES
}
"""What an audit asks beside its frames, as far as it can be asked of one picture; and white."""


def decoded(file: bytes, limits: Limits) -> Image.Image:
    """An image file as RGB, upright, transparency over white.

    Args:
        file: PNG or JPEG.
        limits: the server's.

    Raises:
        PictureError: it is neither, or larger than the server takes.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image: Image.Image = Image.open(io.BytesIO(file), formats=("PNG", "JPEG"))
            if image.width * image.height > limits.max_image_pixels:
                raise PictureError(
                    f"picture: it has {image.width}x{image.height} pixels; the limit is "
                    f"{limits.max_image_pixels} in all"
                )
            image = ImageOps.exif_transpose(image)
            if image.has_transparency_data:
                rgba = image.convert("RGBA")
                image = Image.new("RGB", rgba.size, "white")
                image.paste(rgba, mask=rgba.getchannel("A"))
            return image.convert("RGB")
    except PictureError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise PictureError("picture: not a PNG or JPEG image that can be read") from error


def null_file(file: bytes, null: str, limits: Limits) -> bytes:
    """The picture that a null shows in place of a picture, as PNG; the picture itself where it stays.

    Args:
        file: PNG or JPEG.
        null: a name of ``NULLS``.
        limits: the server's.

    Raises:
        PictureError: there is no such null, or the picture cannot be read.
    """
    if null not in NULLS:
        raise PictureError(f"null: there is no {null!r}; choose from {', '.join(NULLS)}")
    condition = NULLS[null]
    if condition.picture is same_picture:
        return file
    made = condition.picture(np.array(decoded(file, limits)), np.random.default_rng(0))
    return made if isinstance(made, bytes) else png_of(made)


def as_the_model_sees_it(file: bytes, size_px: int, preprocess: PreprocessOrRegion, limits: Limits) -> str:
    """A picture that the server accepted, fitted by the code that the server fits with; a data URL."""
    return data_url(png_of(np.asarray(fit(decoded(file, limits), size_px, preprocess))))


def thumbnail(frame: NDArray[np.uint8]) -> str:
    """A small picture of a frame, as a data URL."""
    image = Image.fromarray(frame)
    image.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    return data_url(png_of(np.asarray(image)))


def thumbnail_of(file: bytes, limits: Limits) -> str:
    """A small picture of an image file, as a data URL.

    Raises:
        PictureError: it is neither PNG nor JPEG, or larger than the server takes.
    """
    return thumbnail(np.asarray(decoded(file, limits)))


def data_url(file: bytes) -> str:
    """A PNG or JPEG file, as a page shows it."""
    kind = "png" if file.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(file).decode()}"
