"""The page's routes, as an application that the server mounts: ``/playground/``.

A request holds all that it needs, and nothing of it is kept, so replicas may share a visitor. Not for who may
visit: the server's middleware asks for a key, where keys are set.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping

from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from reward_client.errors import RewardServiceError, StatusError, UnavailableError
from reward_client.files.rubric_file import rubric_of
from reward_client.files.text_file import TextFileError
from reward_client.files.yaml_file import parse_yaml
from reward_client.frames import png_of
from reward_client.schema import ServerInfo
from reward_client.wording.given_rubric import RubricContentError
from reward_playground import asking, scenes
from reward_playground.form import OWN, STARTS, fields_of
from reward_playground.pictures import (
    NULLS,
    PictureError,
    as_the_model_sees_it,
    data_url,
    null_file,
)
from reward_playground.questions import QuestionError, asked_by, url_of, with_rubric
from reward_playground.rendering import ASSETS, bars, columns, html
from reward_playground.scenes import SCENES, SceneError
from reward_playground.snippets import Where, as_curl, as_python, as_yaml
from reward_playground.visitor import (
    VisitorGoneError,
    client_of,
    has_key,
    is_of_another_site,
    leave_requests_to_the_servers_log,
    while_there,
)
from reward_tasks.catalog import TASKS

FIRST = ("cartpole-upright", "cartpole-angle")
"""The questions that a new page begins with, where the server has them."""

SWEEP_FRAMES = 17
FORM_FIELDS = 100

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
"""With these a browser refuses by itself to ask any other host."""

Handler = Callable[[Request], Awaitable[Response]]


def create_page(api: ASGIApp) -> Starlette:
    """Builds the page.

    Args:
        api: the server's application as a whole, which is asked in process.
    """
    leave_requests_to_the_servers_log()
    page = _Page(api)
    routes = {
        "/": (page.whole, "GET"),
        "/frame": (page.frame, "GET"),
        "/rubric": (page.rubric, "GET"),
        "/opened": (page.opened, "POST"),
        "/ask": (page.ask, "POST"),
        "/nulls": (page.nulls, "POST"),
        "/sweep": (page.sweep, "POST"),
    }
    return Starlette(
        routes=[
            *(Route(path, _told(handler), methods=[method]) for path, (handler, method) in routes.items()),
            Mount("/assets", StaticFiles(directory=ASSETS)),
        ]
    )


def _told(handler: Handler) -> Handler:
    """A handler whose errors are told on the page, with the status that they have in the API."""

    async def told(request: Request) -> Response:
        if is_of_another_site(request):
            return PlainTextResponse("send this from the page itself", 403)
        try:
            response = await handler(request)
        except* VisitorGoneError:
            response = Response(status_code=499)  # nginx's number for it; nobody reads this
        except* (QuestionError, RubricContentError, TextFileError, PictureError, SceneError) as wrong:
            response = _notice(str(wrong.exceptions[0]), 422)
        except* RewardServiceError as failed:
            error = failed.exceptions[0]
            message = str(error)
            if isinstance(error, StatusError):
                message = f"{error.param}: {error.message}" if error.param else error.message
            response = _notice(message, getattr(error, "status_code", 502))
        response.headers.update(SECURITY_HEADERS)
        return response

    return told


def _notice(message: str, status: int) -> HTMLResponse:
    shown = message.encode("utf-8", "backslashreplace").decode()  # a name in it may be half a character
    return HTMLResponse(html("notice", message=shown, status=status), status)


class _Page:
    """The routes' handlers."""

    def __init__(self, api: ASGIApp) -> None:
        self._api = api

    async def whole(self, request: Request) -> Response:
        """The page."""
        async with client_of(request, self._api) as client:
            try:
                info = await client.info()
            except UnavailableError as error:
                return HTMLResponse(html("waiting", message=error.message), 503, {"Retry-After": "3"})
            usable = [name for name, one in info.rubrics.items() if one.unavailable is None]
            first = [name for name in FIRST if name in usable] + [n for n in usable if n not in FIRST]
            first = (first + list(STARTS))[:2]
            rubrics = [
                STARTS[name] if name in STARTS else (await client.rubric(name)).rubric for name in first
            ]
        slots = {
            slot: {"start": name, **fields_of(rubric)}
            for slot, name, rubric in zip("ab", first, rubrics, strict=True)
        }
        return HTMLResponse(
            html(
                "page",
                info=info,
                slots=slots,
                starts=_starts(info),
                scenes=SCENES,
                column_of=scenes.column_of,
                nulls=NULLS,
                most_frames=info.limits.max_images_per_request,
                sweep_frames=min(SWEEP_FRAMES, info.limits.max_images_per_request),
            )
        )

    async def frame(self, request: Request) -> Response:
        """A task's frame as PNG, with what is true of it in a header."""
        task = request.query_params.get("task", "")
        values = scenes.chosen(task, request.query_params)
        (shot,) = await run_sync(scenes.shots, task, [values])
        true = [
            f"{column.title} {shot.truth[column.name]:.3g} {column.unit or ''}".rstrip()
            for column in TASKS[task].columns
        ]
        return Response(
            await run_sync(png_of, shot.frame),
            media_type="image/png",
            headers={"X-Truth": f"{', '.join(true)}; perfect reward {shot.oracle:.3g}"},
        )

    async def rubric(self, request: Request) -> Response:
        """The fields of a rubric of the server, or of one of the questions to begin with."""
        name, slot = request.query_params.get("name", ""), _slot(request.query_params)
        async with client_of(request, self._api) as client:
            info = await client.info()
            rubric = STARTS[name] if name in STARTS else (await client.rubric(name)).rubric
        return HTMLResponse(
            html("rubric", slot=slot, fields={"start": name, **fields_of(rubric)}, starts=_starts(info))
        )

    async def opened(self, request: Request) -> Response:
        """The fields of a rubric's file that the visitor opened."""
        form, file = await _form_of(request, "file")
        rubric = rubric_of(parse_yaml(file.decode("utf-8", "replace"), "the file"), "the file")
        async with client_of(request, self._api) as client:
            info = await client.info()
        return HTMLResponse(
            html("rubric", slot=_slot(form), fields={"start": "", **fields_of(rubric)}, starts=_starts(info))
        )

    async def ask(self, request: Request) -> Response:
        """One picture, one question."""
        form, file = await _form_of(request)
        null = form.get("null", "")
        async with client_of(request, self._api) as client:
            asked = await asked_by(form, "a", client)
            info = await client.info()
            if null:
                file = await run_sync(null_file, file, null, info.limits)
                asked = with_rubric(asked, NULLS[null].question(asked.rubric))
            response = await while_there(request, asking.ask(client, file, asked))
        item = response.data[0]
        seen = None
        if item.status != "invalid_frame":
            seen = await run_sync(
                as_the_model_sees_it, file, info.input_size_px, asked.preprocess, info.limits
            )
        name = "frame.png" if file.startswith(b"\x89PNG") else "frame.jpg"
        where = Where(url_of(form, _address(request)), name, has_key(request))
        return HTMLResponse(
            html(
                "answer",
                item=item,
                response=response,
                asked=asked,
                null=null and NULLS[null].told,
                sent=data_url(file),
                seen=seen,
                size_px=info.input_size_px,
                bars=bars(item.probabilities),
                columns=columns(item.probabilities, asked.rubric),
                file=name,
                snippets={
                    "curl": as_curl(asked, where),
                    "Python": as_python(asked, where),
                    "rubric.yaml": as_yaml(asked.rubric),
                },
            )
        )

    async def nulls(self, request: Request) -> Response:
        """One picture and all nulls of it."""
        form, file = await _form_of(request)
        async with client_of(request, self._api) as client:
            asked = await asked_by(form, "a", client)
            info = await client.info()
            rows = await while_there(request, asking.ask_nulls(client, file, asked, info.limits))
        return HTMLResponse(html("nulls", rows=rows))

    async def sweep(self, request: Request) -> Response:
        """Two questions over a sweep."""
        form, _ = await _form_of(request, file=None)
        task, along = form.get("task", ""), form.get("along", "")
        async with client_of(request, self._api) as client:
            info = await client.info()
            count = _frame_count(form.get("frames", ""), info.limits.max_images_per_request)
            values = scenes.spread(task, along, scenes.chosen(task, _sliders(form, task)), count)
            questions = [await asked_by(form, slot, client) for slot in "ab"]
            swept = await while_there(request, asking.sweep(client, questions, task, along, values))
        return HTMLResponse(html("sweep", swept=swept, task=task))


async def _form_of(request: Request, file: str | None = "picture") -> tuple[dict[str, str], bytes]:
    """A form's fields, and the file in one of them.

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


def _starts(info: ServerInfo) -> list[tuple[str, list[tuple[str, str]]]]:
    """The questions to begin with, as groups of values and titles."""
    servers = [(name, name) for name, one in info.rubrics.items() if one.unavailable is None]
    own = [(name, name.removeprefix(OWN)) for name in STARTS]
    return [("of the server", servers), ("one of your own", own)]


def _slot(form: Mapping[str, str]) -> str:
    return "b" if form.get("slot") == "b" else "a"


def _sliders(form: Mapping[str, str], task: str) -> dict[str, str]:
    """A task's sliders; each task has its own on the page."""
    return {name.removeprefix(f"{task}."): text for name, text in form.items() if name.startswith(f"{task}.")}


def _frame_count(text: str, limit: int) -> int:
    count = int(text) if text.isdecimal() and len(text) <= len(str(limit)) else math.nan
    if not 2 <= count <= limit:
        raise QuestionError(f"frames: {text!r} is no whole number from 2 to {limit}")
    return int(count)


def _address(request: Request) -> str:
    """The server's address, as this request has it."""
    return str(request.base_url).rstrip("/").removesuffix("/playground")
