"""A reward server in the manner of published ones, for this benchmark alone: do not use it for anything else.

One WSGI application, as those have with Flask: a request's images are one batch of transformers, and one
request is computed after another. It speaks JSON where several published ones unpickle what they are sent.
The standard library's server with threads stands in for gunicorn's: the model takes a hundred times as long.
"""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import tyro
from PIL import Image

from benchmarks.bench.contenders.bare_model import BareModel
from benchmarks.bench.contenders.question import Question


@dataclass(frozen=True)
class Options:
    """The benchmark's stand-in for a published reward server."""

    checkpoint: Path
    """folder of the model"""
    question_file: Path
    """what is asked"""
    port: int
    """port on loopback"""
    dtype: str = "float32"
    """of weights and arithmetic"""


def application(model: BareModel) -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]:
    """The WSGI application: ``GET /health`` and ``POST /rewards`` with ``{"images": [base64, ...]}``."""
    computing = threading.Lock()

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        if environ["REQUEST_METHOD"] == "GET":
            return [b"{}"]
        body = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        images = [Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB") for text in body["images"]]
        with computing:
            probabilities = model.probabilities(images)
        return [json.dumps({"probabilities": probabilities.tolist()}).encode()]

    return answer


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Logs nothing: a line for each request costs time."""


def main(options: Options) -> None:
    """Serves until it is ended."""
    model = BareModel(options.checkpoint, options.dtype, Question.load(options.question_file))
    with make_server("127.0.0.1", options.port, application(model), _Server, _Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(tyro.cli(Options))
