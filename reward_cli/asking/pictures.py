"""Finds the pictures that a user names: files, folders, and frames of films."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from reward_cli.extras import install_line
from reward_client.frames import Frame

SENT_AS_THEY_ARE = frozenset({".png", ".jpg", ".jpeg"})
"""The server takes PNG and JPEG; Pillow reads the others, and they are sent as PNG."""

PICTURES = SENT_AS_THEY_ARE | {".bmp", ".gif", ".tif", ".tiff", ".webp"}
FILMS = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm"})


class PictureError(Exception):
    """A picture cannot be used; the message names the file."""


@dataclass(frozen=True)
class Picture:
    """One picture to ask about.

    Attributes:
        name: what answers call it: the file, and of a film the time in it.
        frame: as the client takes it.
    """

    name: str
    frame: Frame


def is_picture_name(word: str) -> bool:
    """Whether a word of the command line means a file or a folder, and not a question.

    A question has a space or ends with a question mark; a file that exists may be called anything.

    >>> is_picture_name("frame.png"), is_picture_name("upright?"), is_picture_name("Does it lean")
    (True, False, False)
    """
    try:
        if Path(word).exists():
            return True
    except (OSError, ValueError):  # longer than a file's name can be, or with a null character
        return False
    return not word.endswith("?") and not any(character.isspace() for character in word)


def read_pictures(names: Sequence[str], frames_per_film: int) -> list[Picture]:
    """Reads pictures, all those of a folder in the order of their names, and frames of films.

    Args:
        names: files and folders. Those in a folder are taken by their ending, films left out.
        frames_per_film: how many frames of a film, evenly spread over it; also of an animated picture.

    Raises:
        PictureError: there is no such file, it is none that can be read, or a folder holds none.
    """
    found = []
    for name in names:
        path = Path(name)
        for file in _pictures_in(path) if path.is_dir() else [path]:
            found += list(_read(file, frames_per_film))
    return found


def _pictures_in(folder: Path) -> list[Path]:
    files = [file for file in folder.iterdir() if file.suffix.lower() in PICTURES and file.is_file()]
    if not files:
        raise PictureError(f"the folder {folder} holds no pictures ({', '.join(sorted(PICTURES))})")
    return sorted(files, key=lambda file: _natural(file.name))


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that puts ``step_2`` before ``step_10``."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", name)]


def _read(path: Path, frames_per_film: int) -> Iterator[Picture]:
    if not path.exists():
        raise PictureError(
            f"there is no file or folder {path}. A question has a space in it or ends with a question mark"
        )
    suffix = path.suffix.lower()
    if suffix in FILMS:
        yield from _film(path, frames_per_film)
    elif suffix in SENT_AS_THEY_ARE:
        yield Picture(str(path), _content(path))
    else:
        yield from _with_pillow(path, frames_per_film)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PictureError(f"{path} cannot be read: {error.strerror}") from error


def _with_pillow(path: Path, frames_per_film: int) -> Iterator[Picture]:
    try:
        with Image.open(path) as image:
            count = getattr(image, "n_frames", 1)
            for place in _spread(count, frames_per_film if count > 1 else 1):
                image.seek(place)
                yield Picture(f"{path} #{place + 1}" if count > 1 else str(path), image.copy())
    except (UnidentifiedImageError, OSError, EOFError, Image.DecompressionBombError) as error:
        known = ", ".join(sorted(PICTURES | FILMS))
        raise PictureError(f"{path} is no picture or film that can be read; known: {known}") from error


def _film(path: Path, frames_per_film: int) -> Iterator[Picture]:
    try:
        import imageio_ffmpeg  # noqa: PLC0415 - of an extra, and for films alone
    except ModuleNotFoundError as error:
        raise PictureError(f"{path}: films need imageio-ffmpeg: {install_line(['cli'])}") from error
    try:
        count, duration_s = imageio_ffmpeg.count_frames_and_secs(str(path))
        wanted = set(_spread(count, frames_per_film))
        frames = imageio_ffmpeg.read_frames(str(path))
        width, height = next(frames)["size"]
        for place, content in enumerate(frames):
            if place in wanted:
                frame = np.frombuffer(content, dtype=np.uint8).reshape(height, width, 3)
                yield Picture(f"{path} at {place * duration_s / count:.2f} s", frame)
            if place >= max(wanted):
                break
        frames.close()
    except (OSError, RuntimeError, ValueError, StopIteration) as error:
        raise PictureError(f"{path} is a film that cannot be read") from error


def _spread(count: int, wanted: int) -> list[int]:
    """Places of so many of ``count`` frames, first and last among them.

    >>> _spread(100, 3), _spread(2, 8), _spread(9, 1)
    ([0, 50, 99], [0, 1], [0])
    """
    return sorted({round(place) for place in np.linspace(0, count - 1, min(wanted, count))})
