"""Entry of ``reward`` and ``python -m reward_cli``: finds the command that is meant, and runs it.

Light: what a command needs is imported once it is known. Not for the commands themselves.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from reward_cli.catalog import COMMANDS, HELP
from reward_cli.extras import install_line, missing
from reward_cli.parsing import EXIT_USAGE, did_you_mean
from reward_report.entry import interruptible


def main() -> None:
    """Runs the command that the command line names; an early interrupt ends it with a sentence."""
    interruptible("reward", lambda: run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> None:
    """Runs a command.

    Args:
        arguments: of the command line, without the program's name.

    Raises:
        SystemExit: the command ended with a code other than 0.
    """
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(HELP)
        return
    if arguments[0] == "--version":
        from reward_client.version import __version__  # noqa: PLC0415 - the room takes a second to import

        print(f"reward {__version__}")
        return
    name, rest = arguments[0], arguments[1:]
    if name not in COMMANDS:
        kind = "option" if name.startswith("-") else "command"
        known = [*COMMANDS, "--help", "--version"]
        _stop(f"there is no {kind} {name!r}{did_you_mean(name, known)}; see reward --help", EXIT_USAGE)
    command = COMMANDS[name]
    if absent := missing(command.extras):
        _stop(f"reward {name} needs {', '.join(absent)}: {install_line(command.extras)}", 1)
    code = command.load()(rest)
    if code:
        raise SystemExit(code)


def _stop(sentence: str, code: int) -> None:
    print(f"reward: {sentence}", file=sys.stderr)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
