"""The HTTP side: routes, errors as JSON, readiness, and the engine's life from start to end.

Not for scoring (``scoring/``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

from reward_client.errors import (
    BY_STATUS,
    BadRequestError,
    InternalServerError,
    InvalidRequestError,
    MediaTypeError,
    StatusError,
)
from reward_client.fitting import FITTED_BY
from reward_client.requests import CompareRequest, ScoreQuestion, ScoreRequest
from reward_client.rubric import field_path
from reward_client.schema import (
    JSON,
    MULTIPART,
    CompareResponse,
    ErrorResponse,
    ReadingsResponse,
    RubricDetail,
    RubricList,
    ScoreResponse,
    ServerInfo,
)
from reward_client.version import __version__
from reward_server.admission.gate import ClientGoneError
from reward_server.api.authentication import Authentication
from reward_server.api.body_limit import BodyLimit
from reward_server.api.builtin_pages.add import PATHS as BUILTIN_PAGES
from reward_server.api.builtin_pages.add import add_builtin_pages
from reward_server.api.builtin_pages.front_page import LINKS, NAME, SUMMARY, Link
from reward_server.api.codings import Codings
from reward_server.api.errors import error_response
from reward_server.api.overload import Overload
from reward_server.api.pages import mount_pages, paths_of_pages
from reward_server.api.request_log import RequestLog
from reward_server.api.score_parts import IN_OPENAPI, PartsRoute, media_type, read_score
from reward_server.engine.interface import EngineDeadError
from reward_server.images.prepare import SentImage
from reward_server.service import Rewarder, Service


async def _ready_rewarder(request: Request) -> Rewarder:
    # async: else each request would wait for one of the few threads that all routes share
    service: Service = request.app.state.service
    return service.rewarder()


_WORK_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorResponse} for status in (400, 408, 413, 415, 429, 504)
}
Answer = TypeVar("Answer", ScoreResponse, ReadingsResponse, CompareResponse)
ReadyRewarder = Annotated[Rewarder, Depends(_ready_rewarder)]


def create_app(service: Service) -> FastAPI:
    """Builds the application.

    Args:
        service: started with the application; its settings are the server's limits.
    """
    settings = service.settings

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.create_task(service.run())
        yield
        loading.cancel()

    app = FastAPI(
        title=NAME,
        summary=SUMMARY,
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={status: {"model": ErrorResponse} for status in (401, 422, 503)},
        # Says in the document how a key is given, so that /docs asks for one; the middleware below checks it.
        dependencies=[Security(HTTPBearer(auto_error=False))] if service.keys.asks else [],
    )
    app.state.service = service
    open_paths = {"/livez", "/readyz", *(["/metrics"] if settings.metrics_open else [])}
    app.add_middleware(Overload, queue=service.queue, paths=frozenset({"/score", "/compare"}))
    app.add_middleware(Codings)
    app.add_middleware(
        BodyLimit,
        max_bytes=settings.max_body_bytes,
        max_pending_bytes=settings.max_pending_bytes,
        timeout_s=settings.body_timeout_s,
    )
    pages = paths_of_pages(settings)
    app.add_middleware(
        Authentication,
        keys=service.keys,
        open_paths=frozenset(open_paths),
        page_paths=(*pages, *BUILTIN_PAGES),
        read_paths=("/rubrics", "/info", "/metrics"),
    )
    app.add_middleware(RequestLog, metrics=service.metrics)
    _add_error_handlers(app)

    async def admitted(
        request: Request,
        param: str,
        images: int,
        timeout_s: float | None,
        work: Callable[[], Awaitable[Answer]],
        questions: int = 1,
    ) -> Answer:
        """What every route that needs the engine passes: its limit, and the gate.

        An image with several questions counts as so many: it takes so many of the engine's places.
        """
        if images > settings.max_images_per_request:
            limit = settings.max_images_per_request
            raise InvalidRequestError(
                f"{images} images in one request; the limit is {limit}", param=param, code="too_many_images"
            )
        try:
            answer, queue_s = await service.gate.run(
                work,
                images=images * questions,
                timeout_s=timeout_s or settings.default_timeout_s,
                quota=request.state.quota,
                gone=lambda: _disconnect(request),
            )
        except* EngineDeadError as dead:
            raise service.fail(dead.exceptions[0]) from None
        answer.timings.queue_s = queue_s
        return answer

    async def scored(
        request: Request, rewarder: Rewarder, question: ScoreQuestion, images: Sequence[SentImage]
    ) -> ScoreResponse | ReadingsResponse:
        """What both forms of ``POST /score`` do once they are read."""
        scorer, count, timeout_s = rewarder.scorer, len(images), question.timeout_s
        if question.rubrics is None:
            score = await admitted(
                request,
                "images",
                count,
                timeout_s,
                lambda: scorer.score(question, images),
                question.questions,
            )
            service.metrics.add_scores(question.rubric, score)
            return score
        readings = await admitted(
            request, "images", count, timeout_s, lambda: scorer.read(question, images), question.questions
        )
        service.metrics.add_readings(question.rubrics, readings)
        return readings

    async def score_parts(
        request: Request, body: Annotated[bytes, Depends(_whole_body)], rewarder: ReadyRewarder
    ) -> ScoreResponse | ReadingsResponse:
        content_type = request.headers["content-type"]
        question, images = read_score(content_type, body, settings.max_images_per_request)
        return await scored(request, rewarder, question, images)

    app.router.add_api_route(
        "/score", score_parts, methods=["POST"], route_class_override=PartsRoute, include_in_schema=False
    )

    @app.post(
        "/score",
        dependencies=[Depends(_require_json_or_parts)],
        responses=_WORK_ERRORS,
        openapi_extra=IN_OPENAPI,
    )
    async def score(
        request: Request, body: ScoreRequest, rewarder: ReadyRewarder
    ) -> ScoreResponse | ReadingsResponse:
        """Scores each image. What could not be scored has a null reward and a status."""
        return await scored(request, rewarder, body, body.images)

    @app.post("/compare", dependencies=[Depends(_require_json)], responses=_WORK_ERRORS)
    async def compare(request: Request, body: CompareRequest, rewarder: ReadyRewarder) -> CompareResponse:
        """Says which image of each pair better fits the rubric's goal, asked in both orders."""
        count = 2 * len(body.pairs)
        answer = await admitted(
            request, "pairs", count, body.timeout_s, lambda: rewarder.comparer.compare(body)
        )
        service.metrics.add_comparisons(body.rubric, answer)
        return answer

    _add_reading_routes(app, service)
    _answer_head(app)
    add_builtin_pages(app, service, [*(Link(path, "ask about a picture") for path in pages), *LINKS])
    mount_pages(app, pages)
    return app


def _answer_head(app: FastAPI) -> None:
    """Lets HEAD be asked wherever GET is: the server below sends the head of the same answer alone."""
    app.openapi()  # FastAPI keeps it; a second method of a route would be listed as another operation
    for route in app.routes:
        if isinstance(route, APIRoute) and "GET" in route.methods:
            route.methods.add("HEAD")


def _add_reading_routes(app: FastAPI, service: Service) -> None:
    """The routes that ask the engine nothing."""

    @app.get("/info")
    async def info(rewarder: ReadyRewarder) -> ServerInfo:
        """Model, revision, rubrics with their reward ids, and limits."""
        return rewarder.info().model_copy(
            update={"score_media_types": [JSON, MULTIPART], "fitting": FITTED_BY}
        )

    @app.get("/rubrics")
    async def rubrics(rewarder: ReadyRewarder) -> RubricList:
        """The server's rubrics: readout, bounds of the reward, reward id."""
        return rewarder.catalog.entries()

    @app.get("/rubrics/{name}", responses={404: {"model": ErrorResponse}})
    async def rubric(name: str, rewarder: ReadyRewarder) -> RubricDetail:
        """One rubric as a whole, with the exact prompt that the model receives."""
        return rewarder.catalog.detail(name)

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        """Whether the process answers at all."""
        return {"status": "alive"}

    @app.get("/readyz")
    async def readyz() -> dict[str, str]:
        """Whether frames can be scored now."""
        service.check_ready()
        return {"status": "ready"}

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Metrics in Prometheus' text format."""
        return Response(service.render_metrics(), media_type=CONTENT_TYPE_LATEST)


async def _require_json(request: Request) -> None:
    if media_type(request.headers) != JSON:
        raise MediaTypeError(f"send the body as Content-Type: {JSON}", param="Content-Type")


async def _require_json_or_parts(request: Request) -> None:
    if media_type(request.headers) != JSON:  # what has parts went to its own route
        raise MediaTypeError(f"send the body as Content-Type: {JSON} or {MULTIPART}", param="Content-Type")


async def _whole_body(request: Request) -> bytes:
    """The body, read before a server that is not ready answers, as that of JSON is."""
    return await request.body()


async def _disconnect(request: Request) -> None:
    """Returns when the client has left; the body has been read before."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(StatusError)
    async def ours(_request: Request, error: StatusError) -> JSONResponse:
        return error_response(error)

    @app.exception_handler(ClientGoneError)
    async def gone(_request: Request, _error: ClientGoneError) -> Response:
        return Response(status_code=499)  # nginx's number for it; nobody reads this

    @app.exception_handler(RequestValidationError)
    async def validation(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return error_response(
                BadRequestError("the body is not valid JSON", param="body", code="json_invalid")
            )
        message = str(first["msg"]).removeprefix("Value error, ")
        param = field_path(first["loc"][1:], str(first["msg"])) or "body"
        return error_response(InvalidRequestError(message, param=param, code=first["type"]))

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> JSONResponse:
        if isinstance(error.__cause__, StatusError):  # FastAPI wraps what goes wrong in reading a body
            return error_response(error.__cause__)
        error_class = BY_STATUS.get(error.status_code, InternalServerError)
        answer = error_response(error_class(str(error.detail)))
        answer.headers.update(error.headers or {})
        return answer
