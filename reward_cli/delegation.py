"""The commands that other rooms have already: their arguments pass through unchanged.

Not for commands of our own (``asking/``, ``watching/``, ``labels.py``, ``doctor/``).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from reward_cli.parsing import EXIT_FAILED, EXIT_USAGE, did_you_mean


def serve(arguments: Sequence[str]) -> int:
    """Becomes ``reward-server`` with these arguments.

    Returns:
        The exit code where it cannot: an option is unknown, or no engine is installed.
    """
    if wrong := _unknown_option(arguments):
        print(f"reward serve: {wrong}; see reward serve --help", file=sys.stderr)
        return EXIT_USAGE
    asks_help = bool({"-h", "--help"} & set(arguments))
    if find_spec("vllm") is None and not asks_help:
        print(
            'reward serve: the engine vLLM is not installed: pip install "vlm-reward[gpu]" for CUDA, or '
            '"vlm-reward[cpu]" without a GPU',
            file=sys.stderr,
        )
        return EXIT_FAILED
    return _become([sys.executable, "-m", "reward_server", *arguments])


def _become(command: list[str]) -> int:
    sys.stdout.flush()
    # vLLM's processes import the main module of this one first, and that has to be the server's: it ends them
    # with their parent, long before they know of one otherwise.
    os.execv(command[0], command)  # noqa: S606


def train(arguments: Sequence[str]) -> int:
    """``reward-agent train``."""
    return _agent("train", arguments)


def experiment(arguments: Sequence[str]) -> int:
    """``reward-agent experiment``."""
    return _agent("experiment", arguments)


def audit(arguments: Sequence[str]) -> int:
    """``reward-audit``."""
    from reward_audit.__main__ import main  # noqa: PLC0415 - needs the extra

    sys.argv = ["reward-audit", *arguments]
    main()
    return 0


def _agent(command: str, arguments: Sequence[str]) -> int:
    from agent.__main__ import main  # noqa: PLC0415 - needs the extra

    sys.argv = ["reward-agent", command, *arguments]
    main()
    return 0


def _unknown_option(arguments: Sequence[str]) -> str | None:
    """A sentence on the first option that the server does not have; the server takes beginnings of names."""
    from reward_server.settings import Settings  # noqa: PLC0415 - needs the extra

    names = [f"--{name.replace('_', '-')}" for name in Settings.model_fields]
    known = ["--help", "-h", "--model-path", *names, *(name.replace("--", "--no-", 1) for name in names)]
    for argument in arguments:
        name = argument.partition("=")[0]
        if name.startswith("--") and not any(one.startswith(name) for one in known):
            return f"there is no option {name}{did_you_mean(name, known)}"
    return None
