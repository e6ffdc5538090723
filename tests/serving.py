"""A server in a thread of the test's process, with a stand-in for the model, on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import uvicorn

from reward_server.admission.keys import read_keys
from reward_server.api.app import create_app
from reward_server.api.connection_limits import ImpatientProtocol
from reward_server.service import Rewarder
from reward_server.settings import Settings
from tests.application import loads, service
from tests.fakes import FakeEngine, image
from tests.waiting import until


class Serving:
    """A server in a thread of this process."""

    def __init__(self, engine: FakeEngine, settings: Settings, keys: str | None = None) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None

        async def load() -> Rewarder:
            self.loop = asyncio.get_running_loop()
            return await loads(engine, settings)()

        self.engine, self.failures = engine, list[BaseException]()
        self.service = service(load, settings, self.failures, read_keys(keys, None))
        listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = listener.getsockname()[1]
        self.server = uvicorn.Server(
            uvicorn.Config(
                create_app(self.service), log_config=None, lifespan="on", http=ImpatientProtocol, ws="none"
            )
        )
        self.thread = threading.Thread(target=self.server.run, args=([listener],))
        self.thread.start()
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=20.0)
        until(lambda: self.http.get("/readyz").status_code == 200)

    def score(self, count: int = 1, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        sent = {"images": [image()] * count, "rubric": "cartpole-upright", **body}
        return self.http.post("/score", json=sent, headers=headers)

    def stop(self) -> None:
        self.engine.hanging = False
        self.http.close()
        self.server.should_exit = True
        self.thread.join(10)


@contextlib.contextmanager
def serving(keys: str | None = None, **settings: Any) -> Iterator[Serving]:
    server = Serving(FakeEngine(), Settings(**{"cache_bytes": 0, **settings}), keys)
    try:
        yield server
    finally:
        server.stop()
