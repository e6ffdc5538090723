"""The reward server of a command: a client of it, or one that the command starts itself.

Not for what is asked of it (``rewards/question.py``).
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path

from agent.config import ConfigError, TrainConfig
from reward_client import RewardClient
from reward_client.errors import ConfigurationError
from reward_client.processes.local_server import LocalServer, local_server

API_KEY = "REWARD_API_KEY"
"""The environment variable that holds the key for the server; empty is none."""

SHIPPED_CHECKPOINT = Path(__file__).parents[2] / "tiny_llava" / "checkpoint"
"""Beside this package, wherever that is installed. A folder of that name elsewhere is somebody else's."""

OWN_SERVER_OUTAGE_S = 15.0
"""A server that we started and that died does not come back."""


def client_of(server_url: str, outage_s: float) -> RewardClient:
    """A client of a server.

    Args:
        server_url: address of the server.
        outage_s: how long to try again while it is away or overloaded.

    Raises:
        ConfigError: the address or the key cannot be used; nothing was sent.
    """
    # the key is not a flag: other users see a command line
    key = os.environ.get(API_KEY) or None
    try:
        return RewardClient(server_url, api_key=key, retries=None, deadline_s=outage_s)
    except ConfigurationError as error:
        raise ConfigError(f"{API_KEY if error.param == 'api_key' else '--server-url'}: {error}") from error


def shipped_checkpoint() -> str:
    """The folder of the shipped checkpoint.

    Raises:
        ConfigError: this package was installed without it.
    """
    if not (SHIPPED_CHECKPOINT / "config.json").is_file():
        raise ConfigError(
            f"the checkpoint that comes with this package is not in {SHIPPED_CHECKPOINT}: install "
            "vlm-reward-tiny-llava, or give --checkpoint"
        )
    return str(SHIPPED_CHECKPOINT)


def own_server(checkpoint: str, port: int, config: TrainConfig) -> AbstractContextManager[LocalServer]:
    """A server on this machine's CPU, for as long as a command runs.

    Args:
        checkpoint: the model, a folder or a Hub id.
        port: of this machine.
        config: of the runs; the server's log goes into their folder.

    Raises:
        ConfigError: the address or the key cannot be used.
    """
    # what cannot be used is told before the server has loaded its model
    client_of(config.server_url, config.outage_s).close()
    log_file = config.folder / "server.log"
    print(f"starting the reward server (vLLM on the CPU; log in {log_file}); this takes a minute", flush=True)
    # float32: CPUs without bfloat16 instructions emulate them, several times slower.
    arguments = ["--model", checkpoint, "--dtype", "float32"]
    return local_server(arguments, log_file=log_file, port=port, ready_timeout_s=config.wait_ready_s)
