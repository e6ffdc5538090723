"""One line of log for each request, with an id that also goes back to the client; and its count.

Not for what a request asks (``app.py``).
"""

from __future__ import annotations

import logging
import re
import time
import uuid

from opentelemetry.propagate import extract
from opentelemetry.trace import SpanKind
from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reward_client.errors import InternalServerError
from reward_server.api.errors import error_response
from reward_server.telemetry.logs import request_id
from reward_server.telemetry.metrics import Metrics
from reward_server.telemetry.tracing import tracer

log = logging.getLogger("reward_server.access")

REQUEST_ID = "X-Request-Id"
ECHO = "X-Client-Request-Id"
_USABLE_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
NOTHING_SENT = 499
"""nginx's number for a client that left before its answer."""

_QUIET = frozenset({"/livez", "/readyz", "/metrics"})


class RequestLog:
    """ASGI middleware: names, times, logs and counts requests.

    A client's own ``X-Request-Id`` is kept where it is short and plain; else there is a new one. Its
    ``X-Client-Request-Id`` goes back as it came, so that it can tell its own answer; a proxy may replace the
    other.

    Args:
        app: the application behind it.
        metrics: counts requests.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get(REQUEST_ID, "")
        name = given if _USABLE_ID.fullmatch(given) else uuid.uuid4().hex
        echo = headers.get(ECHO, "")
        token = request_id.set(name)
        started, status = time.perf_counter(), NOTHING_SENT
        root_path = scope.get("root_path", "")

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = name
                if _USABLE_ID.fullmatch(echo):
                    MutableHeaders(scope=message)[ECHO] = echo
            await send(message)

        with tracer.start_as_current_span(
            f"{scope['method']} {scope['path']}",
            context=extract(dict(headers.items())),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": scope["method"], "vlm_reward.request_id": name},
        ) as span:
            try:
                await self._app(scope, receive, noted)
            except Exception:
                log.exception("unforeseen error")
                if status == NOTHING_SENT:
                    error = InternalServerError("internal error; the server's log has the details")
                    await error_response(error)(scope, receive, noted)
            finally:
                duration_s = time.perf_counter() - started
                route = _route_of(scope, root_path)
                span.set_attributes({"http.route": route, "http.response.status_code": status})
                self._metrics.requests.labels(route, str(status)).inc()
                _log(scope, status, duration_s)
                request_id.reset(token)


def _route_of(scope: Scope, root_path: str) -> str:
    """The path of the route that a request went to, with the paths of the applications around it.

    Args:
        scope: the request's, once it is handled.
        root_path: where a proxy has this application, which belongs to no route of it.
    """
    route = scope.get("route")
    if route is None:
        return "other"
    mounted: str = scope.get("root_path", "").removeprefix(root_path)
    return mounted if isinstance(route, Mount) else f"{mounted}{route.path}"


def _log(scope: Scope, status: int, duration_s: float) -> None:
    level = logging.DEBUG if scope["path"] in _QUIET and status < 400 else logging.INFO
    extra = {"status": status, "duration_s": round(duration_s, 4)}
    path = scope["raw_path"].decode("ascii", "backslashreplace")  # still quoted: no line breaks in it
    log.log(level, "%s %s %d", scope["method"], path, status, extra=extra)
