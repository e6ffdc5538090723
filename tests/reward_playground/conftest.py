"""A server with the page, and a stand-in for the model, on a real socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.application import bring
from tests.fakes import FakeEngine
from tests.serving import Serving, serving


@pytest.fixture(scope="module", autouse=True)
def installed() -> Iterator[None]:
    """The page as an installed package, whatever was installed when the environment was made."""
    with pytest.MonkeyPatch.context() as patch:
        bring(patch, "reward_playground.application:create_page")
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
