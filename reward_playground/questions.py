"""What a visitor's form asks: the rubric, the way a picture is fitted, and what else a request carries.

Not for the rubric's own fields (``form.py``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import httpx
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import UploadFile
from starlette.requests import Request

from reward_client import AsyncRewardClient
from reward_client.errors import NotFoundError
from reward_client.rubric import PreprocessOrRegion, Rubric
from reward_client.wording.prompt_template import places_in
from reward_playground.form import OWN, rubric_from, variables_of
from reward_playground.pictures import PictureError
from reward_playground.snippets import Asked

FORM_FIELDS = 100

_PREPROCESS: TypeAdapter[PreprocessOrRegion] = TypeAdapter(PreprocessOrRegion)


class QuestionError(ValueError):
    """A field of the form is wrong; the message names it."""


async def form_of(request: Request, file: str | None = "picture") -> tuple[dict[str, str], bytes]:
    """A form's fields, and the file in one of them.

    Args:
        request: its body is the form.
        file: name of the file's field; None where no file is wanted.

    Raises:
        PictureError: there is no file where one is wanted.
    """
    async with request.form(max_files=1, max_fields=FORM_FIELDS) as form:
        texts = {name: value for name, value in form.items() if isinstance(value, str)}
        sent = form.get(file) if file else None
        data = await sent.read() if isinstance(sent, UploadFile) else b""
    if file and not data:
        raise PictureError("picture: drop, paste or choose one, or take a task's frame")
    return texts, data


def slot_of(form: Mapping[str, str]) -> str:
    """Which of the page's two places for rubrics a form is about."""
    return "b" if form.get("slot") == "b" else "a"


def sliders_of(form: Mapping[str, str], task: str) -> dict[str, str]:
    """A task's sliders; each task has its own on the page."""
    return {name.removeprefix(f"{task}."): text for name, text in form.items() if name.startswith(f"{task}.")}


def frame_count(text: str, limit: int) -> int:
    """How many frames a sweep is to have.

    Raises:
        QuestionError: it is no whole number from 2 to the limit.
    """
    count = int(text) if text.isdecimal() and len(text) <= len(str(limit)) else math.nan
    if not 2 <= count <= limit:
        raise QuestionError(f"frames: {text!r} is no whole number from 2 to {limit}")
    return int(count)


async def asked_by(form: Mapping[str, str], slot: str, client: AsyncRewardClient) -> Asked:
    """The question in one of the form's places for rubrics.

    Args:
        form: the fields' texts.
        slot: the first part of its fields' names, ``a`` or ``b``.
        client: the visitor's: a rubric that is just the server's own is asked by its name.

    Raises:
        RubricContentError: a field of the rubric is wrong.
        QuestionError: another field is.
        RewardServiceError: the server could not be asked for its rubric.
    """
    fields = {
        name.removeprefix(f"{slot}."): text for name, text in form.items() if name.startswith(f"{slot}.")
    }
    rubric = rubric_from(fields)
    return Asked(
        rubric,
        await _name_of(rubric, fields.get("start", ""), client),
        preprocess_of(form),
        variables_of(fields.get("values", "")),
        bool(form.get("explain")),
    )


def with_rubric(asked: Asked, rubric: Rubric) -> Asked:
    """The same with another rubric, known by no name; values without a place are left out."""
    if rubric == asked.rubric:
        return asked
    places = places_in(rubric.prompt)
    variables = {name: value for name, value in (asked.variables or {}).items() if name in places}
    return replace(asked, rubric=rubric, name=None, variables=variables or None)


def preprocess_of(form: Mapping[str, str]) -> PreprocessOrRegion:
    """How a picture becomes the model's input.

    Raises:
        QuestionError: the box of a region is none.
    """
    mode = form.get("preprocess", "pad")
    content: object = mode
    if mode == "region":
        content = {"type": "region", "box": [part.strip() for part in form.get("box", "").split(",")]}
    try:
        return _PREPROCESS.validate_python(content)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise QuestionError(
            f"box: write left, top, right, bottom as four numbers from 0 to 1 ({reason})"
        ) from error


def url_of(form: Mapping[str, str], otherwise: str) -> str:
    """The server's address as the visitor's browser knows it, for programs to copy.

    Args:
        form: may say it.
        otherwise: as the request has it, which a proxy may have changed.
    """
    try:
        url = httpx.URL(form.get("url", ""))
    except httpx.InvalidURL:
        return otherwise
    return str(url).rstrip("/") if url.scheme in {"http", "https"} and url.host else otherwise


async def _name_of(rubric: Rubric, name: str, client: AsyncRewardClient) -> str | None:
    """The name by which the server knows this rubric."""
    if not name or name.startswith(OWN):
        return None
    try:
        detail = await client.rubric(name)
    except NotFoundError:
        return None
    return name if detail.rubric == rubric else None
