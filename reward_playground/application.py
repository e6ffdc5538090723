"""The page's routes, as an application that the server mounts: ``/playground/``.

A request holds all that it needs, and nothing of it is kept, so replicas may share a visitor. Not for who may
visit: the server's middleware asks for a key, where keys are set.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from reward_client.errors import UnavailableError
from reward_client.files.rubric_file import rubric_of
from reward_client.files.yaml_file import parse_yaml
from reward_client.frames import png_of
from reward_client.rubric import Rubric
from reward_client.schema import ServerInfo
from reward_playground import asking, scenes
from reward_playground.form import OWN, STARTS, fields_of
from reward_playground.handling import told
from reward_playground.pictures import NULLS, null_file
from reward_playground.questions import (
    asked_by,
    form_of,
    frame_count,
    sliders_of,
    slot_of,
    url_of,
    with_rubric,
)
from reward_playground.rendering import ASSETS, answer_html, html
from reward_playground.scenes import SCENES, Shot
from reward_playground.snippets import Where
from reward_playground.threads import Threads
from reward_playground.visitor import (
    address_of,
    client_of,
    has_key,
    leave_requests_to_the_servers_log,
    while_there,
)
from reward_tasks.catalog import TASKS

FIRST = ("cartpole-upright", "cartpole-angle")
"""The questions that a new page begins with, where the server has them."""

SWEEP_FRAMES = 17


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
            *(Route(path, told(handler), methods=[method]) for path, (handler, method) in routes.items()),
            Mount("/assets", StaticFiles(directory=ASSETS)),
        ]
    )


class _Page:
    """The routes' handlers."""

    def __init__(self, api: ASGIApp) -> None:
        self._api, self._threads = api, Threads()

    async def _shown(self, template: str, **values: Any) -> HTMLResponse:
        return HTMLResponse(await self._threads.run(partial(html, template, **values)))

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
        return await self._shown(
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

    async def frame(self, request: Request) -> Response:
        """A task's frame as PNG, with what is true of it in a header."""
        task = request.query_params.get("task", "")
        values = scenes.chosen(task, request.query_params)
        shot, png = await while_there(request, self._threads.run(_rendered, task, values))
        true = [
            f"{column.title} {shot.truth[column.name]:.3g} {column.unit or ''}".rstrip()
            for column in TASKS[task].columns
        ]
        return Response(
            png,
            media_type="image/png",
            headers={"X-Truth": f"{', '.join(true)}; perfect reward {shot.oracle:.3g}"},
        )

    async def rubric(self, request: Request) -> Response:
        """The fields of a rubric of the server, or of one of the questions to begin with."""
        name = request.query_params.get("name", "")
        async with client_of(request, self._api) as client:
            info = await client.info()
            rubric = STARTS[name] if name in STARTS else (await client.rubric(name)).rubric
        fields = {"start": name, **fields_of(rubric)}
        return await self._shown(
            "rubric", slot=slot_of(request.query_params), fields=fields, starts=_starts(info)
        )

    async def opened(self, request: Request) -> Response:
        """The fields of a rubric's file that the visitor opened."""
        form, file = await form_of(request, "file")
        rubric = await self._threads.run(_rubric_in, file)
        async with client_of(request, self._api) as client:
            info = await client.info()
        fields = {"start": "", **fields_of(rubric)}
        return await self._shown("rubric", slot=slot_of(form), fields=fields, starts=_starts(info))

    async def ask(self, request: Request) -> Response:
        """One picture, one question."""
        form, file = await form_of(request)
        null = form.get("null", "")
        async with client_of(request, self._api) as client:
            asked = await asked_by(form, "a", client)
            info = await client.info()
            if null:
                file = await self._threads.run(null_file, file, null, info.limits)
                asked = with_rubric(asked, NULLS[null].question(asked.rubric))
            response = await while_there(request, asking.ask(client, [file], asked))
        name = "frame.png" if file.startswith(b"\x89PNG") else "frame.jpg"
        where = Where(url_of(form, address_of(request)), name, has_key(request))
        return HTMLResponse(await self._threads.run(answer_html, response, asked, file, null, info, where))

    async def nulls(self, request: Request) -> Response:
        """One picture and all nulls of it."""
        form, file = await form_of(request)
        async with client_of(request, self._api) as client:
            asked = await asked_by(form, "a", client)
            info = await client.info()
            rows = await while_there(
                request, asking.ask_nulls(client, file, asked, info.limits, self._threads)
            )
        return await self._shown("nulls", rows=rows)

    async def sweep(self, request: Request) -> Response:
        """Two questions over a sweep."""
        form, _ = await form_of(request, file=None)
        task, along = form.get("task", ""), form.get("along", "")
        async with client_of(request, self._api) as client:
            info = await client.info()
            count = frame_count(form.get("frames", ""), info.limits.max_images_per_request)
            values = scenes.spread(task, along, scenes.chosen(task, sliders_of(form, task)), count)
            questions = [await asked_by(form, slot, client) for slot in "ab"]
            swept = await while_there(
                request, asking.sweep(client, questions, task, along, values, self._threads)
            )
        return await self._shown("sweep", swept=swept, task=task)


def _rendered(task: str, values: scenes.Values) -> tuple[Shot, bytes]:
    (shot,) = scenes.shots(task, [values])
    return shot, png_of(shot.frame)


def _rubric_in(file: bytes) -> Rubric:
    return rubric_of(parse_yaml(file.decode("utf-8", "replace"), "the file"), "the file")


def _starts(info: ServerInfo) -> list[tuple[str, list[tuple[str, str]]]]:
    """The questions to begin with, as groups of values and titles."""
    servers = [(name, name) for name, one in info.rubrics.items() if one.unavailable is None]
    own = [(name, name.removeprefix(OWN)) for name in STARTS]
    return [("of the server", servers), ("one of your own", own)]
