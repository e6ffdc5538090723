"""Prepares a request's images for the model: decodes and fits them in threads, and digests their pixels.

Not for decoding itself (``decode.py``) or for resizing (``fit.py``).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from PIL import Image

from reward_client.rubric import PreprocessOrRegion
from reward_server.images.decode import ImageError, ImageLimits, decode_image, read_base64
from reward_server.images.fit import compose_pair, fit


@dataclass(frozen=True)
class PreparedImage:
    """An image as the model gets it.

    Attributes:
        image: square RGB image.
        digest: of its pixels, 16 bytes.
    """

    image: Image.Image
    digest: bytes


@dataclass(frozen=True)
class ReceivedImage:
    """An image of a request.

    Attributes:
        prepared: the image as the model gets it, or why it cannot be scored.
        sha256: of the image file, as hexadecimal digits; None where there was no base64.
    """

    prepared: PreparedImage | ImageError
    sha256: str | None


class ImagePreparer:
    """Decodes and preprocesses images.

    Args:
        limits: what an image may be.
    """

    def __init__(self, limits: ImageLimits) -> None:
        self._limits = limits
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="decode")

    async def prepare(
        self, images: Sequence[str], size_px: int, preprocess: PreprocessOrRegion
    ) -> list[ReceivedImage]:
        """Brings base64 images to squares.

        Args:
            images: base64 texts.
            size_px: side of the squares.
            preprocess: how.

        Returns:
            One for each image, in order.
        """

        def one(text: str) -> ReceivedImage:
            sha256 = None
            try:
                data = read_base64(text)
                sha256 = hashlib.sha256(data).hexdigest()
                image = fit(decode_image(data, self._limits), size_px, preprocess)
            except ImageError as error:
                return ReceivedImage(error, sha256)
            return ReceivedImage(PreparedImage(image, _digest(image.tobytes())), sha256)

        loop = asyncio.get_running_loop()
        return await asyncio.gather(*(loop.run_in_executor(self._threads, one, text) for text in images))


def side_by_side(left: PreparedImage, right: PreparedImage, size_px: int) -> PreparedImage:
    """Both images as one of the model's input size, for models that take one image a prompt.

    Args:
        left: square of ``pair_side_px(size_px)``.
        right: another one of the same size.
        size_px: side of the model's square input, in pixels.
    """
    composed = compose_pair(left.image, right.image, size_px)
    return PreparedImage(composed, _digest(b"side by side" + left.digest + right.digest))


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()
