"""What each of the page's routes has around it: whose requests it takes, errors told as HTML, and headers.

Not for what a route does (``application.py``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from reward_client.errors import RewardServiceError, StatusError
from reward_client.files.text_file import TextFileError
from reward_client.wording.given_rubric import RubricContentError, content_error
from reward_playground.pictures import PictureError
from reward_playground.questions import QuestionError
from reward_playground.rendering import html
from reward_playground.scenes import SceneError
from reward_playground.visitor import VisitorGoneError, is_of_another_site

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

Error = TypeVar("Error", bound=Exception)
Handler = Callable[[Request], Awaitable[Response]]


def told(handler: Handler) -> Handler:
    """A handler whose errors are told on the page, with the status that they have in the API."""

    async def handle(request: Request) -> Response:
        if is_of_another_site(request):
            return PlainTextResponse("send this from the page itself", 403)
        try:
            response = await handler(request)
        except* VisitorGoneError:
            response = Response(status_code=499)  # nginx's number for it; nobody reads this
        except* (QuestionError, RubricContentError, TextFileError, PictureError, SceneError) as wrong:
            response = _notice(str(_first(wrong)), 422)
        except* ValidationError as wrong:
            response = _notice(str(content_error(_first(wrong), ())), 422)
        except* RewardServiceError as failed:
            error = _first(failed)
            message = str(error)
            if isinstance(error, StatusError):
                message = f"{error.param}: {error.message}" if error.param else error.message
            response = _notice(message, getattr(error, "status_code", 502))
        response.headers.update(SECURITY_HEADERS)
        return response

    return handle


def _first(group: ExceptionGroup[Error]) -> Error:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first


def _notice(message: str, status: int) -> HTMLResponse:
    shown = message.encode("utf-8", "backslashreplace").decode()  # a name in it may be half a character
    return HTMLResponse(html("notice", message=shown, status=status), status)
