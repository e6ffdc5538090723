"""Requests whose sending and answering are two steps, for tests of what happens between them."""

from __future__ import annotations

import contextlib
import http.client
import json


def send(url: str, images: list[str]) -> http.client.HTTPConnection:
    """Sends a whole request and leaves its answer to be read."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=120)
    body = json.dumps({"images": images, "rubric": "cartpole-upright"})
    connection.request("POST", "/score", body, {"Content-Type": "application/json"})
    return connection


def status_of(connection: http.client.HTTPConnection) -> int:
    """Reads the whole answer to what ``send`` sent, and closes the connection."""
    with contextlib.closing(connection):
        answer = connection.getresponse()
        answer.read()
        return answer.status
