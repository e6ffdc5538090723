"""Finds the parts of a ``multipart/form-data`` body. Input here is hostile.

The body is in memory, within its limit (``body_limit.py``): parts are places in it, and nothing is written to
disk. Not for what the parts mean (``score_parts.py``).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from reward_client.errors import BadRequestError, InvalidRequestError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_PART_HEADERS = 8
MAX_PART_HEADER_BYTES = 1024

# It warns of every malformed body, as often as a stranger likes; the access log has the status.
logging.getLogger("python_multipart").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Part:
    """A part of a body.

    Attributes:
        name: of the form's field.
        start: where its content begins in the body.
        end: where it ends.
    """

    name: str
    start: int
    end: int

    def view(self, body: bytes) -> memoryview:
        """Its content, not copied."""
        return memoryview(body)[self.start : self.end]

    def content(self, body: bytes) -> bytes:
        """Its content."""
        return body[self.start : self.end]


def parts_of(content_type: str, body: bytes, max_parts: int) -> list[Part]:
    """The parts of a body, in order.

    Args:
        content_type: the header, which names the boundary.
        body: as a whole.
        max_parts: largest accepted number of parts.

    Raises:
        BadRequestError: not a complete multipart body.
        InvalidRequestError: more parts than that.
    """
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise BadRequestError("it names no boundary", param="Content-Type", code="multipart_invalid")
    found = _Finder(max_parts)
    try:
        parser = MultipartParser(
            boundary,
            found.callbacks(),
            max_header_count=MAX_PART_HEADERS,
            max_header_size=MAX_PART_HEADER_BYTES,
        )
        parser.write(body)
    except FormParserError as error:
        raise _invalid(f"wrong at byte {max(getattr(error, 'offset', 0), 0)}") from error
    if not found.is_complete:
        raise _invalid("it ends before its last boundary")
    return found.parts


def _invalid(reason: str) -> BadRequestError:
    return BadRequestError(
        f"the body is not multipart/form-data with the boundary of its Content-Type: {reason}",
        param="body",
        code="multipart_invalid",
    )


class _Finder:
    """Notes where parts begin and end."""

    def __init__(self, max_parts: int) -> None:
        self.parts, self.is_complete, self._max_parts = list[Part](), False, max_parts
        self._begin()

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_field,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header_end,
            "on_part_data": self._on_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }

    def _begin(self) -> None:
        self._field = self._value = b""
        self._name: str | None = None
        self._start = self._end = 0

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            _, options = parse_options_header(self._value.decode("latin-1"))
            self._name = options[b"name"].decode("latin-1") if b"name" in options else None
        self._field = self._value = b""

    def _on_data(self, _data: bytes, start: int, end: int) -> None:
        self._start = self._start or start
        self._end = end

    def _on_part_end(self) -> None:
        if self._name is None:
            raise _invalid("a part has no name")
        if len(self.parts) == self._max_parts:
            raise InvalidRequestError(
                f"more than {self._max_parts} parts in one request", param="images", code="too_many_images"
            )
        self.parts.append(Part(self._name, self._start, self._end))

    def _on_end(self) -> None:
        self.is_complete = True
