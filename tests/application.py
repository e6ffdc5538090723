"""The server's application as tests build it, in one place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from fastapi.testclient import TestClient

from reward_server.admission.keys import ApiKey
from reward_server.api import pages
from reward_server.api.app import create_app
from reward_server.engine.interface import Engine
from reward_server.rubrics.loading import load_rubrics
from reward_server.service import Rewarder, Service
from reward_server.settings import Settings

Load = Callable[[], Awaitable[Rewarder]]


async def never() -> Rewarder:
    """Loads nothing."""
    raise AssertionError


def loads(engine: Engine, settings: Settings) -> Load:
    """Loads at once, with the shipped rubrics."""

    async def load() -> Rewarder:
        return Rewarder(engine, load_rubrics(), settings)

    return load


def service(
    load: Load,
    settings: Settings,
    failures: list[BaseException] | None = None,
    keys: Sequence[ApiKey] = (),
) -> Service:
    """What the routes share."""
    return Service(load, (failures if failures is not None else []).append, settings, keys)


def bring(patch: pytest.MonkeyPatch, *values: str) -> None:
    """Has the server find these pages and no others, whatever is installed.

    Args:
        patch: undoes it.
        values: what makes each page, as ``package.module:function``.
    """
    points = tuple(EntryPoint("playground", value, pages.GROUP) for value in values)
    patch.setattr(pages, "installed_pages", lambda: points)


@contextmanager
def application(
    load: Load, settings: Settings, failures: list[BaseException] | None = None, **options: Any
) -> Iterator[TestClient]:
    """A client of the application, with no socket in between."""
    app = create_app(service(load, settings, failures))
    with TestClient(app, raise_server_exceptions=False, **options) as client:
        yield client
