"""Takes a request's images in: decodes and preprocesses them in threads, and names them by their pixels.

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
from reward_server.images.decode import FrameError, FrameLimits, decode_frame
from reward_server.images.fit import fit


@dataclass(frozen=True)
class PreparedFrame:
    """A frame as the model gets it.

    Attributes:
        image: square RGB image.
        digest: of its pixels, 16 bytes.
    """

    image: Image.Image
    digest: bytes


class Intake:
    """Decodes and preprocesses images.

    Args:
        limits: what an image may be.
    """

    def __init__(self, limits: FrameLimits) -> None:
        self._limits = limits
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="decode")

    async def prepare(
        self, images: Sequence[str], size_px: int, preprocess: PreprocessOrRegion
    ) -> list[PreparedFrame | FrameError]:
        """Brings base64 images to squares.

        Args:
            images: base64 texts.
            size_px: side of the squares.
            preprocess: how.

        Returns:
            For each image its frame, or why it cannot be scored.
        """

        def one(text: str) -> PreparedFrame | FrameError:
            try:
                image = fit(decode_frame(text, self._limits), size_px, preprocess)
            except FrameError as error:
                return error
            return PreparedFrame(image, digest(image))

        loop = asyncio.get_running_loop()
        return await asyncio.gather(*(loop.run_in_executor(self._threads, one, text) for text in images))


def digest(image: Image.Image) -> bytes:
    """Digest of an RGB image's pixels, 16 bytes."""
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()
