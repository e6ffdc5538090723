"""A server with the page, and a stand-in for the model, on a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint

import pytest

from reward_server.api import pages
from tests.fakes import FakeEngine
from tests.serving import Serving, serving


@pytest.fixture(scope="module", autouse=True)
def installed() -> Iterator[None]:
    """The page as an installed package, whatever was installed when the environment was made."""
    point = EntryPoint("playground", "reward_playground.application:create_page", pages.GROUP)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "installed_pages", lambda: (point,))
        yield


@pytest.fixture(scope="module")
def running(installed: None) -> Iterator[Serving]:
    """A server that the tests of a file share."""
    with serving(playground=True) as server:
        yield server


@pytest.fixture
def server(running: Serving) -> Serving:
    """The same, with a stand-in for the model that was asked nothing yet."""
    vars(running.engine).update(vars(FakeEngine()))
    return running
