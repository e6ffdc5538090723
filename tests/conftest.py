"""Fixtures: a real reward server, shared by all tests that need one, and sample frames."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from reward_client import RewardClient
from reward_client.local_server import local_server
from tests.paths import CHECKPOINT

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real server: vLLM with the shipped checkpoint."""
    log_file = tmp_path_factory.mktemp("server") / "server.log"
    arguments = ["--model", str(CHECKPOINT), "--dtype", "float32"]
    with local_server(arguments, log_file=log_file) as server:
        yield server.url


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
