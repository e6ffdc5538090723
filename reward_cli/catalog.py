"""The commands of ``reward``: what each is called, which extras it needs, and where it lives.

Importing this costs nothing. Not for what they do.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Run = Callable[[Sequence[str]], int]
"""Takes the arguments behind the command's name, and returns the exit code."""


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        group: heading in the help.
        summary: one line for the help.
        place: ``module:function`` that runs it.
        extras: of the package that must be installed.
    """

    group: str
    summary: str
    place: str
    extras: tuple[str, ...]

    def load(self) -> Run:
        """Imports what runs it."""
        module, _, name = self.place.partition(":")
        run: Run = getattr(importlib.import_module(module), name)
        return run


COMMANDS = {
    "ask": Command(
        "Ask",
        "ask questions about pictures; see answers and rewards",
        "reward_cli.asking.command:ask",
        ("cli",),
    ),
    "audit": Command(
        "Ask",
        "tell before training whether rewards can be trusted",
        "reward_cli.delegation:audit",
        ("audit",),
    ),
    "serve": Command("Serve", "start the reward server", "reward_cli.delegation:serve", ("server",)),
    "doctor": Command(
        "Serve", "tell what is missing on this machine", "reward_cli.doctor.command:doctor", ("cli",)
    ),
    "train": Command(
        "Train", "train an agent on a server's rewards", "reward_cli.delegation:train", ("agent",)
    ),
    "experiment": Command(
        "Train",
        "train with several rewards and seeds, and compare",
        "reward_cli.delegation:experiment",
        ("agent",),
    ),
    "watch": Command(
        "Train",
        "watch a run while it goes, or look at a finished one",
        "reward_cli.watching.command:watch",
        ("watch",),
    ),
    "labels": Command(
        "Train", "print the answers of a run as a table", "reward_cli.labels:labels", ("watch",)
    ),
}


def _help() -> str:
    lines = [
        "usage: reward COMMAND [OPTIONS]",
        "",
        "A vision-language model as a reward service for reinforcement learning.",
    ]
    for group in dict.fromkeys(command.group for command in COMMANDS.values()):
        lines += ["", group]
        lines += [f"  {name:<12}{one.summary}" for name, one in COMMANDS.items() if one.group == group]
    return "\n".join(
        [
            *lines,
            "",
            "reward COMMAND --help tells a command's options. Other option: --version",
            'Try: reward ask frame.png "Is the pole upright?" "Does the pole lean left?"',
        ]
    )


HELP = _help()
"""What ``reward --help`` prints; it fits a terminal of 80 columns and 24 lines."""
