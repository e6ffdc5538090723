"""Mounts pages for people, which other packages bring: the server knows their names, not what they show.

A package names a page in the entry-point group ``vlm_reward.pages``: a function from this application to the
page's own one, which asks it in process. Not for who may visit a page (``authentication.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points

from fastapi import FastAPI
from pydantic_settings import SettingsError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp

from reward_server.settings import Settings

GROUP = "vlm_reward.pages"

MakePage = Callable[[ASGIApp], ASGIApp]


def paths_of_pages(settings: Settings) -> tuple[str, ...]:
    """Where pages are that the settings switch on; a page is below its path too."""
    return ("/playground",) if settings.playground else ()


def mount_pages(app: FastAPI, paths: Sequence[str]) -> None:
    """Mounts each page at its path.

    Args:
        app: the application, which the pages ask.
        paths: from ``paths_of_pages``.

    Raises:
        SettingsError: a page is not installed, or lacks a package.
    """
    for path in paths:
        make_page = load_page(path.removeprefix("/"))
        app.add_route(path, _to_the_page, include_in_schema=False)
        app.mount(path, make_page(app))


def load_page(name: str) -> MakePage:
    """What makes a page.

    Args:
        name: of its entry point, of its setting and of the extra that installs what it needs.

    Raises:
        SettingsError: it is not installed, or lacks a package.
    """
    found = {point.name: point for point in installed_pages()}
    install = f'pip install "vlm-reward[{name}]"'
    if name not in found:
        raise SettingsError(f"--{name}: there is no such page in this installation; install it: {install}")
    try:
        make_page: MakePage = found[name].load()
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"--{name}: the package {error.name} is not installed; install what the page needs: {install}"
        ) from error
    return make_page


def installed_pages() -> Sequence[EntryPoint]:
    """The pages that installed packages bring."""
    return tuple(entry_points(group=GROUP))


async def _to_the_page(request: Request) -> Response:
    """The page's own addresses are relative to the slash at its end."""
    path: str = request.scope["path"]
    return RedirectResponse(f"{path.rpartition('/')[2]}/", status_code=308)
