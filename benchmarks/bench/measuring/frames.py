"""Frames of CartPole, none of them ever equal to another one: no cache can answer.

A frame is a pure function of its number and its size, so that processes that cannot share memory can speak of
the same frame.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reward_client.fitting import pad_to_square
from reward_client.frames import image_file
from tiny_llava.pictures.frames import render_states, sample_states

RENDERED = 48
"""Pictures that are rendered; each frame is one of them with its number stamped on."""

STAMP_SHARE = 1 / 50
"""Side of the stamp over the frame's width: enough pixels for the number to survive any resizing here."""

ENCODING_THREADS = 2


@dataclass(frozen=True)
class Size:
    """Of a frame, in pixels. Equal sides: CartPole's frame as the server pads it."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


CARTPOLE = Size(600, 400)
"""As Gymnasium renders it."""


def frame(number: int, size: Size = CARTPOLE) -> NDArray[np.uint8]:
    """The frame of a number.

    Args:
        number: from 0 to 2^24 - 1, written as a colour onto the upper left corner.
        size: of the frame.

    Returns:
        ``(height, width, 3)`` uint8 RGB.
    """
    pictures = _pictures(size)
    stamped = pictures[number % len(pictures)].copy()
    side = max(round(size.width * STAMP_SHARE), 1)
    stamped[:side, :side] = (number >> 16 & 255, number >> 8 & 255, number & 255)
    return stamped


def png(number: int, size: Size = CARTPOLE) -> bytes:
    """The frame of a number as a PNG file, as the client encodes it."""
    return image_file(frame(number, size))


def pngs(numbers: Sequence[int], size: Size) -> list[bytes]:
    """PNG files of many frames."""
    _pictures(size)
    with ThreadPoolExecutor(ENCODING_THREADS) as threads:  # zlib runs without the interpreter's lock
        return list(threads.map(lambda number: png(number, size), numbers))


class Numbers:
    """Gives each number once.

    Args:
        first: the first one.
    """

    def __init__(self, first: int = 0) -> None:
        self._numbers = itertools.count(first)

    def take(self, count: int) -> list[int]:
        """So many numbers that were not given before."""
        return list(itertools.islice(self._numbers, count))


@lru_cache(maxsize=4)
def _pictures(size: Size) -> list[NDArray[np.uint8]]:
    return [_resized(picture, size) for picture in _rendered()]


def _rendered() -> Iterator[NDArray[np.uint8]]:
    yield from render_states(sample_states(RENDERED, np.random.default_rng(0)))


def _resized(picture: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    if size == CARTPOLE:
        return picture
    image = Image.fromarray(picture)
    if size.width == size.height:
        return np.asarray(pad_to_square(image, size.width))
    return np.asarray(image.resize((size.width, size.height), Image.Resampling.BICUBIC))
