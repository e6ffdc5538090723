"""The agent's commands: ``train`` against a server that runs, ``demo`` with one of its own.

Not for the work itself (``train.py``).
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

from agent.__main__ import EXIT_INTERRUPTED
from agent.config import TrainConfig
from agent.labeler import RewardsChangedError
from agent.train import RunStoppedError, Trainer
from reward_client import RewardClient
from reward_client.errors import RewardServiceError
from reward_client.local_server import LocalServerError, local_server

EXIT_FAILED = 1
EXIT_NOT_SOLVED = 3


@dataclass(frozen=True)
class DemoConfig:
    """Starts the reward server on the shipped checkpoint, on the CPU, and trains on its rewards."""

    checkpoint: Path = Path("tiny_llava/checkpoint")
    """model to serve"""
    port: int = 8000
    """port of the reward server, on loopback"""
    # a server of the demo's own that died does not come back
    train: TrainConfig = field(default_factory=lambda: TrainConfig(name="demo", outage_s=15.0))


def train(config: TrainConfig, server_url: str) -> bool:
    """Trains against a server and prints the result.

    Returns:
        Whether the final policy solved the task.
    """
    # not a flag: other users see a command line
    key = os.environ.get("REWARD_API_KEY")
    with RewardClient(server_url, api_key=key, retries=None, deadline_s=config.outage_s) as client:
        server = client.wait_ready(config.wait_ready_s)
        print(f"learning from {server.model} ({server.engine}, {server.dtype}, {server.device})", flush=True)
        summary = Trainer(config, client, server).run()
    print(_result(summary, config.folder))
    return bool(summary["solved"])


def demo(config: DemoConfig) -> bool:
    """Runs the demo: starts a server, trains against it, stops it."""
    log_file = config.train.folder / "server.log"
    print(f"starting the reward server: vLLM on the CPU, log in {log_file}; this takes a minute", flush=True)
    # float32: CPUs without bfloat16 instructions emulate them, several times slower.
    arguments = ["--model", str(config.checkpoint), "--dtype", "float32"]
    with local_server(
        arguments, log_file=log_file, port=config.port, ready_timeout_s=config.train.wait_ready_s
    ) as server:
        return train(config.train, server.url)


def _result(summary: dict[str, Any], folder: Path) -> str:
    return (
        f"{'solved' if summary['solved'] else 'NOT solved'}: mean true return "
        f"{summary['mean_return']:.1f} (lowest {summary['min_return']:.0f}) over "
        f"{summary['eval_episodes']} greedy episodes, after {summary['env_steps']} environment steps and "
        f"{summary['train_wall_clock_s']:.0f} s of training on {summary['model']}'s rewards alone "
        f"({summary['frames_failed']} of its frames failed). Look at {folder}/learning_curve.png"
    )


def run() -> None:
    """Runs a command; whatever a person can cause ends with a sentence, not a traceback."""
    config = tyro.cli(
        Annotated[TrainConfig, tyro.conf.subcommand("train", prefix_name=False)]
        | Annotated[DemoConfig, tyro.conf.subcommand("demo", prefix_name=False)],
        prog="reward-agent",
        config=(tyro.conf.OmitArgPrefixes,),
    )
    folder = config.folder if isinstance(config, TrainConfig) else config.train.folder
    try:
        solved = train(config, config.server_url) if isinstance(config, TrainConfig) else demo(config)
    except KeyboardInterrupt:
        _stop(f"interrupted; what the run has so far is in {folder}", EXIT_INTERRUPTED)
    except (LocalServerError, RewardsChangedError, RunStoppedError) as error:
        _stop(str(error), EXIT_FAILED)
    except RewardServiceError as error:
        _stop(f"the reward server failed: {error}. What the run has so far is in {folder}", EXIT_FAILED)
    except OSError as error:
        _stop(f"{error.strerror or error}: {error.filename or folder}", EXIT_FAILED)
    if not solved:
        raise SystemExit(EXIT_NOT_SOLVED)


def _stop(sentence: str, code: int) -> None:
    print(f"\nreward-agent: {sentence}", file=sys.stderr, flush=True)
    raise SystemExit(code)
