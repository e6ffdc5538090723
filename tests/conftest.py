"""Fixtures: real reward servers, shared by all tests that need one, and sample frames."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from reward_client import RewardClient
from tests.real_servers import Need, RealServer, RealServers

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")


def pytest_configure(config: pytest.Config) -> None:
    """Declares the mark that says which real server a test needs."""
    config.addinivalue_line(
        "markers",
        "real_server(options=(), ends=False): further options of the fixture real_server, and whether the "
        "test ends it",
    )


@pytest.fixture(scope="session")
def real_servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealServers]:
    """All real servers of this session."""
    needs: dict[str, Need] = {}
    for item in request.session.items:
        if "real_server" in getattr(item, "fixturenames", ()):
            mark = item.get_closest_marker("real_server")
            needs[item.nodeid] = Need(**mark.kwargs) if mark else Need()
    servers = RealServers(needs, lambda: tmp_path_factory.mktemp("server"))
    yield servers
    servers.close()


@pytest.fixture
def real_server(request: pytest.FixtureRequest, real_servers: RealServers) -> Iterator[RealServer]:
    """A real server: vLLM with the shipped checkpoint. A test that ends it is marked with real_server."""
    with real_servers.lend(request.node.nodeid) as server:
        yield server


@pytest.fixture
def server_url(real_server: RealServer) -> str:
    """Its address."""
    return real_server.url


@pytest.fixture
def client(server_url: str) -> Iterator[RewardClient]:
    """A client of the real server."""
    with RewardClient(server_url) as client:
        yield client


@pytest.fixture
def grey_frame() -> NDArray[np.uint8]:
    """A small frame with some structure."""
    ramp = np.arange(40 * 60 * 3, dtype=np.int64).reshape(40, 60, 3) % 251
    return ramp.astype(np.uint8)
