"""OpenRLHF's reward function over HTTP, for ``--reward.remote_url http://HOST:PORT/get_reward``.

    with OpenRLHFServer(reward_func) as server:
        server.serve_forever()

It reads JSON and nothing else. For trainers on the same trusted network: it has neither keys nor TLS.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeGuard

from reward_client.adapters.openrlhf import OpenRLHFRewards
from reward_client.errors import RewardServiceError
from reward_client.labeling.null_rewards import NullRewardError
from reward_client.labeling.same_rewards import RewardsChangedError

log = logging.getLogger("reward_client")

MAX_BODY_BYTES = 16 * 2**20
"""Queries, prompts and labels are texts."""

PATH = "/get_reward"

RewardFunc = Callable[[list[str], list[str], list[str]], OpenRLHFRewards]


class OpenRLHFServer(ThreadingHTTPServer):
    """Serves a reward function.

    Args:
        reward_func: an ``OpenRLHFReward``.
        host: address to listen at.
        port: likewise; 0 for a free one.
    """

    daemon_threads = True

    def __init__(self, reward_func: RewardFunc, host: str = "127.0.0.1", port: int = 5000) -> None:
        super().__init__((host, port), _Handler)
        self.reward_func = reward_func

    @property
    def url(self) -> str:
        """What ``--reward.remote_url`` gets."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}{PATH}"


class _RefusedError(Exception):
    """A request that is not answered, with its status."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: OpenRLHFServer
    protocol_version = "HTTP/1.1"
    timeout = 60.0
    """Seconds for each read: one that sends nothing holds a thread no longer."""

    def do_POST(self) -> None:
        """Answers one request."""
        try:
            texts = _texts(self._body())
        except _RefusedError as error:
            self._refuse(error.status, str(error))
            return
        try:
            rewards = self.server.reward_func(*texts)
        except (NullRewardError, RewardServiceError, RewardsChangedError) as error:
            log.warning("no rewards for OpenRLHF: %s", error)
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        except Exception as error:  # whatever the function's own code raises
            log.exception("the reward function failed")
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, f"{type(error).__name__}: {error}")
        else:
            self._answer(HTTPStatus.OK, rewards)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base class
        """Logs requests as other modules log."""
        log.debug(format, *args)

    def _body(self) -> bytes:
        self.close_connection = True  # whatever of a refused body follows is no request
        if self.path != PATH:
            raise _RefusedError(HTTPStatus.NOT_FOUND, f"rewards are at {PATH}")
        if self.headers.get_content_type() != "application/json":
            raise _RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send application/json")
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise _RefusedError(HTTPStatus.LENGTH_REQUIRED, "send a Content-Length")
        if int(length) > MAX_BODY_BYTES:
            raise _RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {MAX_BODY_BYTES} bytes"
            )
        return self.rfile.read(int(length))

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        self._answer(status, {"error": {"message": message}})

    def _answer(self, status: HTTPStatus, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


def _texts(body: bytes) -> tuple[list[str], list[str], list[str]]:
    """The queries, prompts and labels of a body."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {error}") from error
    fields = content if isinstance(content, dict) else {}
    queries, prompts, labels = (fields.get(name) for name in ("query", "prompts", "labels"))
    if (
        _is_texts(queries)
        and _is_texts(prompts)
        and _is_texts(labels)
        and 0 < len(queries) == len(prompts) == len(labels)
    ):
        return queries, prompts, labels
    raise _RefusedError(
        HTTPStatus.UNPROCESSABLE_ENTITY, "send query, prompts and labels: lists of as many texts"
    )


def _is_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)
