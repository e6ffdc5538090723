"""A visitor of the page: a client of the server's own routes that carries the visitor's API key.

Not for checking keys: the server's middleware does, for the page and again for every question it asks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import httpx
from starlette.requests import Request
from starlette.types import ASGIApp

from reward_client import AsyncRewardClient

Result = TypeVar("Result")

IN_PROCESS_URL = "http://playground.invalid"
"""A client wants an address; nothing goes over a network."""


OF_THE_SCRIPT = "X-Playground"
"""A header that the page's script sends with every request."""


class VisitorGoneError(Exception):
    """The visitor left, or asked something else in between; nobody waits for the answer."""


def client_of(request: Request, api: ASGIApp) -> AsyncRewardClient:
    """A client that asks the same application, as whoever sent this request.

    Args:
        request: the server's middleware has brought its key into the form ``Bearer <key>``.
        api: the server's application as a whole, so that limits and quotas are those of any other request.
    """
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return AsyncRewardClient(
        IN_PROCESS_URL,
        api_key=key if scheme.lower() == "bearer" else None,
        retries=0,  # whoever sits before the page sees what happened, and asks again
        transport=httpx.ASGITransport(api),
        body="png",
    )


async def while_there(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """What work comes to; it is cancelled when the visitor leaves, and the engine drops its questions.

    Args:
        request: its body has been read.
        work: that asks.

    Raises:
        VisitorGoneError: the visitor left.
    """
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_leaves(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise VisitorGoneError
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):  # an error of the work was raised above
                await task


async def _leaves(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def leave_requests_to_the_servers_log() -> None:
    """Keeps httpx from logging each question as a request to a host that does not exist."""
    logging.getLogger("httpx").addFilter(_is_of_others)


def _is_of_others(record: logging.LogRecord) -> bool:
    return IN_PROCESS_URL not in record.getMessage()


def has_key(request: Request) -> bool:
    """Whether the visitor came with a key, so that a program needs one too."""
    return "Authorization" in request.headers


def address_of(request: Request) -> str:
    """The server's address, as this request has it."""
    return str(request.base_url).rstrip("/").removesuffix("/playground")


def is_of_another_site(request: Request) -> bool:
    """Whether a page of another site may have sent this: a browser adds the visitor's key by itself.

    A link to the page is not meant; it may stand anywhere. A browser says of which site a request is, but
    only to a server that it reaches over TLS or on its own machine. So a form also needs a header of the
    page's script, which no script of another site can send: the browser would ask this server, and it allows
    none. And the form's origin must be the host that was asked. A proxy may have changed the host's name;
    then the browser itself has to say that the two are the same.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site not in {None, "none", "same-origin"}:
        return not (request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate")
    if request.method != "POST":
        return False
    return OF_THE_SCRIPT not in request.headers or not (site == "same-origin" or _is_of_own_origin(request))


def _is_of_own_origin(request: Request) -> bool:
    """Whether the origin that a browser names is the host that was asked; programs name none."""
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    try:
        sender = httpx.URL(origin)
        asked = httpx.URL(f"{sender.scheme}://{request.headers.get('Host', '')}")
    except httpx.InvalidURL:
        return False
    return bool(sender.host) and (sender.host, sender.port) == (asked.host, asked.port)
