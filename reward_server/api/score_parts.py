"""Reads ``POST /score`` as ``multipart/form-data``: the question as JSON, the images as they are.

Parts: ``request`` (``PartsRequest``), and either ``images``, one for each image file, or ``frames``, one
array file. Not for finding the parts in the body (``multipart.py``) or for what is in a file or an array
(``images/``).
"""

from __future__ import annotations

import json
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.routing import Match
from starlette.types import Scope

from reward_client.errors import BadRequestError, InvalidRequestError
from reward_client.requests import PartsRequest
from reward_client.schema import MULTIPART
from reward_server.api.multipart import Part, parts_of
from reward_server.images.prepare import SentImage
from reward_server.images.raw_frames import FramesError, RawFrame, TooManyFramesError, read_frames

IN_OPENAPI: dict[str, Any] = {
    "requestBody": {
        "content": {
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "required": ["request"],
                    "properties": {
                        "request": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "description": "The fields of ScoreRequest but for images, as JSON. "
                            "Also fitted_px where frames were fitted already: the side of these squares, "
                            "which must be the server's input_size_px.",
                        },
                        "images": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "PNG or JPEG files, one part each.",
                        },
                        "frames": {
                            "type": "string",
                            "format": "binary",
                            "description": "In place of images: an array file (npy), uint8 (N, H, W, 3) in C "
                            "order.",
                        },
                    },
                }
            }
        }
    }
}
"""What the OpenAPI document says of this body, beside the JSON one."""


def media_type(headers: Headers) -> str:
    """The media type that a request's Content-Type names, in small letters."""
    return headers.get("content-type", "").split(";")[0].strip().lower()


class PartsRoute(APIRoute):
    """A route for multipart bodies alone; others go to the route of the same path behind it."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether this route takes a request."""
        if scope["type"] == "http" and media_type(Headers(scope=scope)) != MULTIPART:
            return Match.NONE, {}
        return super().matches(scope)


def read_score(content_type: str, body: bytes, max_images: int) -> tuple[PartsRequest, list[SentImage]]:
    """Reads a body.

    Args:
        content_type: the header, which names the boundary.
        body: as a whole; no pixel of an array is copied.
        max_images: in one request.

    Returns:
        What is asked, and the images.

    Raises:
        BadRequestError: not a complete multipart body, or the question is not JSON.
        InvalidRequestError: a part is missing, unknown, there twice or not what it should be, or there are
            too many images.
        RequestValidationError: a field of the question is wrong.
    """
    requests, images, frames = list[Part](), list[Part](), list[Part]()
    known = {"request": requests, "images": images, "frames": frames}
    for part in parts_of(content_type, body, max_parts=max_images + 2):
        if part.name not in known:
            raise InvalidRequestError(
                "there is no such part; the parts are request, and images or frames",
                param=part.name[:64],
                code="unknown_part",
            )
        known[part.name].append(part)
    question = _question(_only(requests, "request").content(body))
    if bool(images) == bool(frames):
        raise InvalidRequestError(
            "send either parts 'images', which are PNG or JPEG files, or a part 'frames', which is an array "
            "file (npy)",
            param="images",
            code="images_or_frames",
        )
    if images:
        if question.fitted_px is not None:
            raise InvalidRequestError("only frames can be fitted already", param="fitted_px")
        return question, [image.content(body) for image in images]
    return question, [*_frames(_only(frames, "frames"), body, question.fitted_px, max_images)]


def _only(parts: list[Part], name: str) -> Part:
    if len(parts) != 1:
        code, what = ("duplicate_part", "there more than once") if parts else ("missing", "missing")
        raise InvalidRequestError(f"the part {name!r} is {what}", param=name, code=code)
    return parts[0]


def _question(text: bytes) -> PartsRequest:
    try:
        value = json.loads(text)  # as FastAPI reads a JSON body
    except (ValueError, RecursionError) as error:
        raise BadRequestError(
            "the part 'request' is not valid JSON", param="request", code="json_invalid"
        ) from error
    try:
        return PartsRequest.model_validate(value)
    except ValidationError as error:
        raise RequestValidationError(
            [{**one, "loc": ("body", *one["loc"])} for one in error.errors()]
        ) from error


def _frames(part: Part, body: bytes, fitted_px: int | None, max_images: int) -> list[RawFrame]:
    try:
        frames = read_frames(part.view(body), max_images, are_fitted=fitted_px is not None)
    except TooManyFramesError as error:
        raise InvalidRequestError(str(error), param="frames", code="too_many_images") from error
    except FramesError as error:
        raise InvalidRequestError(
            f"the part 'frames': {error}", param="frames", code="frames_invalid"
        ) from error
    width, height = frames[0].width, frames[0].height
    if fitted_px is not None and not width == height == fitted_px:
        raise InvalidRequestError(
            f"the frames are {width}x{height}, not {fitted_px}x{fitted_px}", param="fitted_px"
        )
    return frames
