"""A client of a reward server that runs, or a sentence on how to start one."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from reward_client import RewardClient
from reward_client.errors import (
    ConfigurationError,
    InvalidAnswerError,
    MethodNotAllowedError,
    NotFoundError,
    RequestTimeoutError,
    ServerUnreachableError,
    UnavailableError,
)

DEFAULT_URL = "http://127.0.0.1:8000"

API_KEY = "REWARD_API_KEY"
"""The environment variable that holds the key for the server; empty is none."""

LOOK_TIMEOUT_S = 5.0
"""How long the first look for a server may take."""

LOADING_TIMEOUT_S = 600.0
"""How long a server may load its model; LLaVA-1.5-7B takes minutes."""


class NoServerError(Exception):
    """There is no reward server to ask; the message says what to do."""


def client_of(url: str) -> RewardClient:
    """A client of the server at an address, once the server is ready.

    Raises:
        NoServerError: the address or the key cannot be used, nothing answers there, or it is another service.
        RewardServiceError: it answers with an error, or was not ready in time.
    """
    # the key is not an option: other users see a command line
    key = os.environ.get(API_KEY) or None
    try:
        with RewardClient(url, api_key=key, retries=0, timeout_s=LOOK_TIMEOUT_S) as look:
            look.info()
    except ConfigurationError as error:
        raise NoServerError(f"{API_KEY if error.param == 'api_key' else '--server-url'}: {error}") from error
    except (ServerUnreachableError, RequestTimeoutError) as error:
        raise NoServerError(f"no reward server answers at {url}. {how_to_start()}") from error
    except (InvalidAnswerError, NotFoundError, MethodNotAllowedError) as error:
        raise NoServerError(
            f"what answers at {url} is not a reward server ({error}). {how_to_start()}"
        ) from error
    except UnavailableError:
        _wait(url, key)
    return RewardClient(url, api_key=key)


def how_to_start() -> str:
    """How a user starts a server, and how to name another one."""
    checkpoint = shipped_checkpoint()
    small = (
        ""
        if checkpoint is None
        else f"  reward serve --model {_shown(checkpoint)} --dtype float32   # no GPU\n"
    )
    return (
        "Start one in another terminal:\n"
        f"{small}"
        "  reward serve --model llava-hf/llava-1.5-7b-hf   # a GPU\n"
        "or name the address of one that runs: --server-url http://HOST:PORT"
    )


def shipped_checkpoint() -> Path | None:
    """The folder of the checkpoint that comes with this package; None where it was left out."""
    found = importlib.util.find_spec("tiny_llava")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "checkpoint"
    return folder if (folder / "config.json").is_file() else None


def _wait(url: str, key: str | None) -> None:
    print(f"waiting for the server at {url}, which is not ready yet", file=sys.stderr, flush=True)
    with RewardClient(url, api_key=key) as client:
        client.wait_ready(LOADING_TIMEOUT_S)


def _shown(folder: Path) -> str:
    here = Path.cwd()
    return str(folder.relative_to(here)) if folder.is_relative_to(here) else str(folder)
