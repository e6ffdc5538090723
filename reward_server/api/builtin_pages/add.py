"""Adds the server's own pages to the application: ``/``, ``/docs``, ``/redoc``, and what they load.

FastAPI's own ``/docs`` and ``/redoc`` load their scripts from another host and stay blank without internet.
Not for what the front page says (``front_page.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

from reward_server.api.builtin_pages.front_page import Link, as_html, as_json
from reward_server.service import Service

PATHS = ("/", "/docs", "/redoc", "/assets", "/openapi.json")
"""Where the pages are, and what they load: a browser may give its key as a password there."""

_ASSETS = Path(__file__).parent / "assets"

_OWN_HOST_ALONE = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; worker-src blob:; "
    "frame-ancestors 'self'"
)
"""Whatever a script of a page tries, the browser asks this host alone. Both scripts add styles."""


def add_builtin_pages(app: FastAPI, service: Service, links: Sequence[Link]) -> None:
    """Adds the pages.

    Args:
        app: the application, made without FastAPI's own pages.
        service: what the front page tells of.
        links: what the front page leads to.
    """

    async def front(request: Request) -> Response:
        varies = {"Vary": "Accept"}
        if "text/html" in request.headers.get("Accept", ""):
            return HTMLResponse(as_html(service, links), headers={**_headers(), **varies})
        return JSONResponse(as_json(service, links), headers=varies)

    async def docs(_request: Request) -> Response:
        return FileResponse(_ASSETS / "docs.html", headers=_headers())

    async def redoc(_request: Request) -> Response:
        return FileResponse(_ASSETS / "redoc.html", headers=_headers())

    app.add_route("/", front, include_in_schema=False)
    app.add_route("/docs", docs, include_in_schema=False)
    app.add_route("/redoc", redoc, include_in_schema=False)
    app.mount("/assets", StaticFiles(directory=_ASSETS))


def _headers() -> dict[str, str]:
    return {"Content-Security-Policy": _OWN_HOST_ALONE, "X-Content-Type-Options": "nosniff"}
