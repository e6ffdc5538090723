"""Errors as the JSON of the wire contract."""

from __future__ import annotations

import math

from fastapi.responses import JSONResponse

from reward_client.errors import AuthenticationError, StatusError
from reward_client.schema import ErrorBody, ErrorResponse


def error_response(error: StatusError) -> JSONResponse:
    """The answer that reports an error."""
    body = ErrorBody(message=error.message, type=error.type, param=error.param, code=error.code)
    headers = {}
    if error.retry_after_s is not None:  # whole seconds, RFC 9110
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    if isinstance(error, AuthenticationError):
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(ErrorResponse(error=body).model_dump(), error.status_code, headers)
