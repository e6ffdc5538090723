"""Prepares a request's images for the model: decodes and fits them in threads, and digests their pixels.

Not for decoding itself (``decode.py``, ``raw_frames.py``) or for resizing (``reward_client/fitting.py``).
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

from PIL import Image

from reward_client.fitting import fit
from reward_client.rubric import PreprocessOrRegion
from reward_server.images.compose import compose_pair
from reward_server.images.decode import ImageError, ImageLimits, decode_image, read_base64
from reward_server.images.raw_frames import RawFrame

SentImage = str | bytes | RawFrame
"""An image as a request holds it: base64 of a file, the file, or pixels."""

MAX_IMAGES_PER_TASK = 8
"""Handing an image to a thread costs as much as preparing one that is fitted already; a thread that has many
goes on with them after their client has left."""


@dataclass(frozen=True)
class PreparedImage:
    """An image as the model gets it.

    Attributes:
        image: square RGB image.
        known_digest: of its pixels; None where nobody has asked for it yet.
    """

    image: Image.Image
    known_digest: bytes | None = None

    @cached_property
    def digest(self) -> bytes:
        """Digest of its pixels."""
        return _digest(self.image.tobytes()) if self.known_digest is None else self.known_digest


@dataclass(frozen=True)
class ReceivedImage:
    """An image of a request.

    Attributes:
        prepared: the image as the model gets it, or why it cannot be scored.
        sha256: of the image file, or of a frame's pixels, as hexadecimal digits; None where there was no
            base64.
    """

    prepared: PreparedImage | ImageError
    sha256: str | None


class ImagePreparer:
    """Decodes and preprocesses images.

    Args:
        limits: what an image may be.
        digests: whether digests of pixels will be wanted. They are computed in the threads then, and else
            where they are asked for.
    """

    def __init__(self, limits: ImageLimits, *, digests: bool = True) -> None:
        self._limits, self._digests = limits, digests
        self._workers = os.cpu_count() or 1
        self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="decode")

    async def prepare(
        self, images: Sequence[SentImage], size_px: int, preprocess: PreprocessOrRegion
    ) -> list[ReceivedImage]:
        """Brings images to squares.

        Args:
            images: as a request holds them.
            size_px: side of the squares.
            preprocess: how.

        Returns:
            One for each image, in order.
        """

        def some(first: int) -> list[ReceivedImage]:
            return [self._one(image, size_px, preprocess) for image in images[first : first + per_task]]

        per_task = min(math.ceil(len(images) / self._workers), MAX_IMAGES_PER_TASK) or 1
        loop = asyncio.get_running_loop()
        tasks = [
            loop.run_in_executor(self._threads, some, first) for first in range(0, len(images), per_task)
        ]
        return [image for done in await asyncio.gather(*tasks) for image in done]

    def _one(self, sent: SentImage, size_px: int, preprocess: PreprocessOrRegion) -> ReceivedImage:
        if isinstance(sent, RawFrame):
            return self._of_pixels(sent, size_px, preprocess)
        sha256 = None
        try:
            data = read_base64(sent) if isinstance(sent, str) else sent
            sha256 = hashlib.sha256(data).hexdigest()
            prepared = PreparedImage(fit(decode_image(data, self._limits), size_px, preprocess))
        except ImageError as error:
            return ReceivedImage(error, sha256)
        return self._received(prepared, sha256)

    def _of_pixels(self, frame: RawFrame, size_px: int, preprocess: PreprocessOrRegion) -> ReceivedImage:
        sha256 = hashlib.sha256(frame.pixels)
        try:
            self._limits.check(frame.width, frame.height)
        except ImageError as error:
            return ReceivedImage(error, sha256.hexdigest())
        image = frame.image()
        fitted = image if frame.is_fitted else fit(image, size_px, preprocess)
        known = sha256.digest() if fitted is image else None
        return self._received(PreparedImage(fitted, known), sha256.hexdigest())

    def _received(self, prepared: PreparedImage, sha256: str) -> ReceivedImage:
        if self._digests:
            _ = prepared.digest
        return ReceivedImage(prepared, sha256)


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
    """SHA-256, which processors compute and which is a frame's name on the wire anyway."""
    return hashlib.sha256(data).digest()
