"""The HTTP side: routes, errors as JSON, readiness, and the engine's life from start to end.

Not for scoring (``scorer.py``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from reward_client.errors import (
    BY_STATUS,
    BadRequestError,
    InternalServerError,
    InvalidRequestError,
    MediaTypeError,
    StatusError,
    UnavailableError,
)
from reward_client.schema import ErrorBody, ErrorResponse, ScoreRequest, ScoreResponse, ServerInfo
from reward_server.body_limit import BodyLimit
from reward_server.scorer import EngineDeadError, Scorer
from reward_server.settings import Settings

log = logging.getLogger(__name__)


class Service:
    """What the routes share: the scorer, once it is there, and why it is not.

    Args:
        load: makes the scorer; takes minutes for a large model.
        on_failure: called once when loading failed or the engine died; the process should exit.
    """

    def __init__(
        self, load: Callable[[], Awaitable[Scorer]], on_failure: Callable[[BaseException], None]
    ) -> None:
        self._load, self._on_failure = load, on_failure
        self._scorer: Scorer | None = None
        self._failed = False

    async def start(self) -> None:
        """Loads the scorer; a failure goes to ``on_failure``."""
        try:
            self._scorer = await self._load()
        except Exception as error:  # noqa: BLE001 - whatever it was, the process cannot serve
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Marks the service as dead and reports why, once."""
        if not self._failed:
            self._failed = True
            self._on_failure(error)

    def scorer(self) -> Scorer:
        """The scorer.

        Raises:
            UnavailableError: it is still loading, or dead.
        """
        if self._failed:
            raise UnavailableError("the model's engine is dead; the server is exiting", code="engine_dead")
        if self._scorer is None:
            raise UnavailableError("the model is still loading", code="loading", retry_after_s=2)
        return self._scorer


def _ready_scorer(request: Request) -> Scorer:
    service: Service = request.app.state.service
    return service.scorer()


ReadyScorer = Annotated[Scorer, Depends(_ready_scorer)]


def create_app(service: Service, settings: Settings) -> FastAPI:
    """Builds the application.

    Args:
        service: started with the application.
        settings: the server's limits.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.create_task(service.start())
        yield
        loading.cancel()

    app = FastAPI(
        title="vlm-reward",
        summary="Rewards for reinforcement learning from a vision-language model",
        lifespan=lifespan,
        responses={422: {"model": ErrorResponse}, 503: {"model": ErrorResponse}},
    )
    app.state.service = service
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    _add_error_handlers(app)

    @app.post("/score", dependencies=[Depends(_require_json)])
    async def score(body: ScoreRequest, scorer: ReadyScorer) -> ScoreResponse:
        """Scores each image. What could not be scored has a null reward and a status."""
        try:
            return await scorer.score(body)
        except* EngineDeadError as dead:
            service.fail(dead.exceptions[0])
            raise UnavailableError("the model's engine died", code="engine_dead") from None

    @app.get("/info")
    async def info(scorer: ReadyScorer) -> ServerInfo:
        """Model, revision, rubrics with their reward ids, and limits."""
        return scorer.info()

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        """Whether the process answers at all."""
        return {"status": "alive"}

    @app.get("/readyz")
    async def readyz(_scorer: ReadyScorer) -> dict[str, str]:
        """Whether frames can be scored now."""
        return {"status": "ready"}

    return app


async def _require_json(request: Request) -> None:
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        raise MediaTypeError("send the body as Content-Type: application/json", param="Content-Type")


def _respond(error: StatusError) -> JSONResponse:
    body = ErrorBody(message=error.message, type=error.type, param=error.param, code=error.code)
    headers = {} if error.retry_after_s is None else {"Retry-After": f"{error.retry_after_s:.0f}"}
    content = ErrorResponse(error=body).model_dump()
    return JSONResponse(content, status_code=error.status_code, headers=headers)


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(StatusError)
    async def ours(_request: Request, error: StatusError) -> JSONResponse:
        return _respond(error)

    @app.exception_handler(RequestValidationError)
    async def validation(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return _respond(BadRequestError("the body is not valid JSON", param="body", code="json_invalid"))
        # Pydantic puts the names of union members into the path; they are not fields of the request.
        path = [str(part) for part in first["loc"][1:] if part not in _UNION_MEMBERS] or ["body"]
        message = str(first["msg"]).removeprefix("Value error, ")
        return _respond(InvalidRequestError(message, param=".".join(path), code=first["type"]))

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> JSONResponse:
        if isinstance(error.__cause__, StatusError):  # FastAPI wraps what goes wrong in reading a body
            return _respond(error.__cause__)
        error_class = BY_STATUS.get(error.status_code, InternalServerError)
        return _respond(error_class(str(error.detail)))

    @app.exception_handler(Exception)
    async def unforeseen(_request: Request, error: Exception) -> JSONResponse:
        log.error("unforeseen error", exc_info=error)
        return _respond(InternalServerError("internal error; the server's log has the details"))


_UNION_MEMBERS = frozenset(
    {"name", "inline", "expectation", "yes_no", "choice", "distance", "probability", "weights"}
)
