"""Reads a text file of a user: UTF-8, however it was saved; anything else is told by file and line.

Not for what the text means (``yaml_file.py`` and the readers of keys and questions).
"""

from __future__ import annotations

import codecs
from pathlib import Path

_MARK = "\ufeff"


class TextFileError(Exception):
    """A text file cannot be used; the message is one line with the file and, if there is one, the place."""


def read_text_file(path: Path) -> str:
    r"""Reads a text file.

    Args:
        path: the file.

    Returns:
        Its text without a byte-order mark, with ``\n`` at the end of each line.

    Raises:
        TextFileError: it cannot be read, or it is not UTF-8. The message shows nothing of the text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TextFileError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise TextFileError(f"{path} cannot be read: {error}") from error
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)):
        raise TextFileError(f"{path}: this is UTF-16 or UTF-32; save it as UTF-8")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = line_of(data[: error.start].decode("utf-8"), error.start)
        raise TextFileError(f"{path}: line {line}: not UTF-8; save the file as UTF-8") from error
    text = text.lstrip(_MARK).replace("\r\n", "\n").replace("\r", "\n")
    for character, name in (("\0", "a NUL character"), (_MARK, "a byte-order mark")):
        if character in text:
            line = line_of(text, text.index(character))
            raise TextFileError(f"{path}: line {line}: {name} inside the text; save the file as plain UTF-8")
    return text


def line_of(text: str, place: int) -> int:
    """The number of the line, counted from 1, in which a place of a text lies."""
    return text[:place].replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
