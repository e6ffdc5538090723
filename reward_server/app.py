"""The HTTP side: routes, errors as JSON, readiness, and the engine's life from start to end.

Not for scoring (``scorer.py``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
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
)
from reward_client.schema import (
    CompareRequest,
    CompareResponse,
    ErrorBody,
    ErrorResponse,
    RubricDetail,
    RubricList,
    ScoreRequest,
    ScoreResponse,
    ServerInfo,
)
from reward_server.body_limit import BodyLimit
from reward_server.model import EngineDeadError
from reward_server.service import Rewarder, Service
from reward_server.settings import Settings

log = logging.getLogger(__name__)


def _ready_rewarder(request: Request) -> Rewarder:
    service: Service = request.app.state.service
    return service.rewarder()


ReadyRewarder = Annotated[Rewarder, Depends(_ready_rewarder)]


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
    async def score(body: ScoreRequest, rewarder: ReadyRewarder) -> ScoreResponse:
        """Scores each image. What could not be scored has a null reward and a status."""
        try:
            return await rewarder.scorer.score(body)
        except* EngineDeadError as dead:
            raise service.dead(dead) from None

    @app.post("/compare", dependencies=[Depends(_require_json)])
    async def compare(body: CompareRequest, rewarder: ReadyRewarder) -> CompareResponse:
        """Says which image of each pair better fits the rubric's goal, asked in both orders."""
        try:
            return await rewarder.comparer.compare(body)
        except* EngineDeadError as dead:
            raise service.dead(dead) from None

    @app.get("/info")
    async def info(rewarder: ReadyRewarder) -> ServerInfo:
        """Model, revision, rubrics with their reward ids, and limits."""
        return rewarder.info()

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
    async def readyz(_rewarder: ReadyRewarder) -> dict[str, str]:
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
        message = str(first["msg"]).removeprefix("Value error, ")
        param = _field_path(first["loc"][1:]) or "body"
        return _respond(InvalidRequestError(message, param=param, code=first["type"]))

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


_UNION_FIELDS = frozenset({"rubric", "readout", "reward", "preprocess"})


def _field_path(loc: Sequence[str | int]) -> str:
    """The path of a field in the body, from pydantic's: that has the member's tag behind each union."""
    return ".".join(
        str(part) for before, part in zip([None, *loc], loc, strict=False) if before not in _UNION_FIELDS
    )
