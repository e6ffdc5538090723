"""What bodies of requests hold: image files as base64 or as they are, or frames as one array.

No sockets here. Not for which form a call takes, or when it changes (``image_calls.py``).
"""

from __future__ import annotations

import base64
import hashlib
import io
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reward_client.fitting import fit
from reward_client.frames import png_of
from reward_client.requests import CompareRequest, Pair, PartsRequest, ScoreRequest
from reward_client.rubric import Preprocess, Region
from reward_client.schema import JSON, MULTIPART
from reward_client.wording.ensemble import AnyRubric
from reward_client.wording.prompt_template import MAX_PLACES
from reward_client.wording.variables import Value

Item = bytes | NDArray[np.uint8]
"""An image file, or a frame ``(H, W, 3)`` uint8 RGB."""


BYTES_A_CHAR = 6
"""Of a text in JSON, at most: an escaped control character."""

BYTES_BESIDE_A_VALUE = 16


@dataclass(frozen=True)
class Ask:
    """What is asked about each item of a call, and how.

    Attributes:
        rubric: what is asked; several where the answer is wanted for each of them.
        variables: for each item what fills the places of the prompts.
    """

    rubric: AnyRubric | tuple[AnyRubric, ...]
    preprocess: Preprocess | Region
    explain: bool = False
    variables: Sequence[Mapping[str, Value]] | None = None

    @classmethod
    def of(
        cls,
        rubric: AnyRubric | tuple[AnyRubric, ...],
        preprocess: Preprocess | Region | str,
        *,
        explain: bool = False,
        variables: Sequence[Mapping[str, Value]] | None = None,
    ) -> Ask:
        """Takes what a caller passes.

        Raises:
            ValueError: there is no such preprocessing.
        """
        mode = Preprocess(preprocess) if isinstance(preprocess, str) else preprocess
        return cls(rubric, mode, explain, variables)

    def check_variables(self, items: int) -> None:
        """Checks that there is one mapping for each item, where there are any.

        Raises:
            ValueError: there are more, or fewer, or one is none or has more names than a prompt has places.
        """
        if self.variables is None:
            return
        if len(self.variables) != items:
            raise ValueError(f"there are {len(self.variables)} variables for {items} frames")
        for place, one in enumerate(self.variables):
            if not isinstance(one, Mapping):
                raise ValueError(f"variables[{place}] is of type {type(one).__name__}; pass a mapping")
            if len(one) > MAX_PLACES:
                raise ValueError(f"variables[{place}] has {len(one)} names; the limit is {MAX_PLACES}")
            for name, value in one.items():
                if isinstance(value, bool) or not isinstance(value, str | int | float):
                    raise ValueError(f"variables[{place}].{name} must be a text or a number")
                if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
                    raise ValueError(f"variables[{place}].{name} holds a lone surrogate, which is no text")

    def about(self, places: Sequence[int]) -> Ask:
        """The same about some of the items.

        Args:
            places: of those items in the call.
        """
        if self.variables is None:
            return self
        return replace(self, variables=[self.variables[place] for place in places])

    def bytes_beside(self, place: int) -> int:
        """At most so many bytes of a body hold the variables of the item at a place."""
        values = self.variables[place] if self.variables else {}
        return sum(BYTES_BESIDE_A_VALUE + BYTES_A_CHAR * len(f"{name}{values[name]}") for name in values)

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of a request but for its images."""
        return {
            "rubrics" if isinstance(self.rubric, tuple) else "rubric": self.rubric,
            "preprocess": self.preprocess,
            "explain": self.explain,
            "variables": self.variables,
        }


@dataclass(frozen=True)
class Body:
    """A body, and what its answer is held to.

    Attributes:
        content: the body.
        media_type: its Content-Type.
        sha256s: for each image the digest that the answer must name.
    """

    content: bytes
    media_type: str
    sha256s: list[str]


def json_body(items: Sequence[Item], ask: Ask) -> Body:
    """Image files as base64: what every server takes."""
    files = [file_of(item) for item in items]
    request = ScoreRequest(images=[to_base64(file) for file in files], **ask.fields)
    content = request.model_dump_json(exclude_none=True).encode()
    return Body(content, JSON, [sha256_of(file) for file in files])


def files_body(items: Sequence[Item], ask: Ask) -> Body:
    """Image files as they are."""
    files = [file_of(item) for item in items]
    parts = [("images", [file]) for file in files]
    return _multipart(_request(ask), parts, [sha256_of(file) for file in files])


def frames_body(frames: Sequence[NDArray[np.uint8]], ask: Ask, size_px: int) -> Body:
    """Frames as one array of the model's input size, which the server need not decode or resize.

    Args:
        frames: of any sizes.
        ask: what is asked.
        size_px: side of the model's square input, in pixels.
    """
    fitted = [fit(Image.fromarray(frame), size_px, ask.preprocess).tobytes() for frame in frames]
    parts = [("frames", [_npy_header((len(frames), size_px, size_px, 3)), *fitted])]
    return _multipart(_request(ask, size_px), parts, [sha256_of(pixels) for pixels in fitted])


def pairs_body(pairs: Sequence[Sequence[Item]], ask: Ask) -> Body:
    """The body of ``POST /compare``, and the digests of both images of each pair, one after another."""
    files = [(file_of(first), file_of(second)) for first, second in pairs]
    request = CompareRequest(
        pairs=[Pair(first=to_base64(first), second=to_base64(second)) for first, second in files],
        rubric=ask.rubric,  # type: ignore[arg-type] # one rubric: checked before
        preprocess=ask.preprocess,
    )
    content = request.model_dump_json(exclude_none=True).encode()
    return Body(content, JSON, [sha256_of(file) for pair in files for file in pair])


def to_base64(data: bytes) -> str:
    """Base64 text of an image file."""
    return base64.b64encode(data).decode("ascii")


def sha256_of(data: bytes) -> str:
    """The digest by which an answer names an image."""
    return hashlib.sha256(data).hexdigest()


def file_of(item: Item) -> bytes:
    """The image file of an item."""
    return item if isinstance(item, bytes) else png_of(item)


def _request(ask: Ask, fitted_px: int | None = None) -> bytes:
    request = PartsRequest(**ask.fields, fitted_px=fitted_px)
    return request.model_dump_json(exclude_none=True).encode()


def _npy_header(shape: tuple[int, ...]) -> bytes:
    """What comes before the pixels in an array file."""
    header: Any = io.BytesIO()
    np.lib.format.write_array_header_1_0(  # type: ignore[no-untyped-call]
        header, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    return bytes(header.getvalue())


def _multipart(request: bytes, parts: Sequence[tuple[str, list[bytes]]], sha256s: list[str]) -> Body:
    """A body of the question and of parts: name, and the content in pieces."""
    boundary = uuid.uuid4().hex  # in 128 random bits: no content holds it
    pieces = [_head(boundary, "request", JSON).removeprefix(b"\r\n"), request]
    for name, content_pieces in parts:
        pieces += [_head(boundary, name, "application/octet-stream"), *content_pieces]
    pieces.append(f"\r\n--{boundary}--\r\n".encode())
    return Body(b"".join(pieces), f"{MULTIPART}; boundary={boundary}", sha256s)


def _head(boundary: str, name: str, media_type: str) -> bytes:
    file_name = "" if media_type == JSON else f'; filename="{name}"'
    return (
        f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file_name}\r\n'
        f"Content-Type: {media_type}\r\n\r\n"
    ).encode()
