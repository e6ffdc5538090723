"""How many frames a second the CPU prepares: our decoding and padding, then the processor's normalisation.

Tells whether one server process feeds the card. Needs pydantic, for the server's own code. Without vLLM's
hand-over between processes, so an upper bound.
"""

from __future__ import annotations

import base64
import io
from concurrent.futures import ThreadPoolExecutor

from PIL import Image, ImageDraw
from transformers import CLIPImageProcessor

from reward_client.fitting import pad_to_square
from reward_server.images.decode import ImageLimits, decode_image, read_base64

LIMITS = ImageLimits(max_pixels=4_194_304, max_aspect_ratio=8.0)


def drawn_frames(count: int) -> list[str]:
    """Frames of 600x400 that look like CartPole's, each another one: base64 of PNG files."""
    texts = []
    for index in range(count):
        image = Image.new("RGB", (600, 400), "white")
        draw = ImageDraw.Draw(image)
        x = 100 + index * 397 % 400
        draw.line((0, 300, 600, 300), fill="black")
        draw.rectangle((x - 25, 285, x + 25, 315), fill="black")
        draw.line((x, 300, x + index * 31 % 60 - 30, 180), fill=(202, 152, 101), width=10)
        file = io.BytesIO()
        image.save(file, "PNG")
        texts.append(base64.b64encode(file.getvalue()).decode())
    return texts


class FramePreparer:
    """Prepares frames one by one, as the server and vLLM's renderer do, in so many threads.

    Args:
        size_px: side of the model's square input.
        threads: at once.
    """

    def __init__(self, size_px: int, threads: int) -> None:
        self._size_px = size_px
        self._processor = CLIPImageProcessor(
            size={"shortest_edge": size_px}, crop_size={"height": size_px, "width": size_px}
        )
        self._threads = ThreadPoolExecutor(threads)

    def fit(self, texts: list[str]) -> list[Image.Image]:
        """Decodes and pads frames: base64 texts to squares."""
        return list(self._threads.map(self._square, texts))

    def fit_and_normalise(self, texts: list[str]) -> None:
        """Decodes, pads and normalises frames."""
        list(self._threads.map(lambda text: self._normalise(self._square(text)), texts))

    def normalise(self, squares: list[Image.Image]) -> None:
        """Normalises squares: the processor alone."""
        list(self._threads.map(self._normalise, squares))

    def _square(self, text: str) -> Image.Image:
        return pad_to_square(decode_image(read_base64(text), LIMITS), self._size_px)

    def _normalise(self, image: Image.Image) -> object:
        return self._processor(images=image, return_tensors="pt")
