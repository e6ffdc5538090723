"""Audits the shipped checkpoint and its twin with random weights: ``make audit`` writes ``runs/audit/``.

Not for audits of a server of your own: ``reward-audit`` does those.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import tyro

from reward_audit.commands import audit_and_tell
from reward_audit.config import AuditConfig
from reward_client.processes.local_server import local_server
from tiny_llava.random_weights import write_twin
from tiny_llava.train import CHECKPOINT

AUDITS = (
    ("shipped", "cartpole-angle", "CartPole-v1"),
    ("shipped", "cartpole-upright", "CartPole-v1"),
    ("shipped", "cartpole-lean", "CartPole-v1"),
    ("shipped", "cartpole-rating", "CartPole-v1"),
    ("shipped", "mountaincar-height", "MountainCar-v0"),
    ("shipped", "mountaincar-distance", "MountainCar-v0"),
    ("shipped", "pendulum-angle", "Pendulum-v1"),
    ("shipped", "cartpole-angle", "Acrobot-v1"),  # a game that it never learned
    ("random-weights", "cartpole-angle", "CartPole-v1"),
)


@dataclass(frozen=True)
class Options:
    """Audits the shipped checkpoint on its rubrics, and its twin with random weights."""

    frames: int = 1000
    """frames of each audit"""
    runs: Path = Path("runs")
    """folder of all runs"""
    port: int = 8000
    """port of the reward server on this machine"""


def main() -> None:
    """Command line: prints a table of all audits."""
    options = tyro.cli(Options)
    folder = options.runs / "audit"
    twin = folder / "random-weights-checkpoint"
    write_twin(twin)
    lines = ["| model | rubric | task | ranking | values | seconds |", "|---|---|---|---|---|---|"]
    for model, checkpoint in (("shipped", CHECKPOINT), ("random-weights", twin)):
        arguments = ["--model", str(checkpoint), "--dtype", "float32"]
        log_file = folder / f"{model}-server.log"
        with local_server(arguments, log_file=log_file, port=options.port) as server:
            for _, rubric, task in (one for one in AUDITS if one[0] == model):
                config = AuditConfig(
                    rubric=rubric,
                    task=task,
                    frames=options.frames,
                    name=f"{model}/{rubric}-{task}",
                    runs=folder,
                    overwrite=True,
                    server_url=server.url,
                )
                started = time.monotonic()
                audit_and_tell(config)
                verdict = json.loads((config.folder / "audit.json").read_text())["verdict"]
                row = (model, f"`{rubric}`", task, verdict["ranking"], verdict["values"])
                lines.append(f"| {' | '.join(row)} | {time.monotonic() - started:.0f} |")
    print("\n" + "\n".join(lines))


if __name__ == "__main__":
    main()
