"""Options of our own commands: argparse, which also says which option a wrong one may have meant."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable, Collection, Sequence
from typing import NoReturn

EXIT_FAILED = 1
"""The command could not do its work; a sentence on stderr says why."""

EXIT_USAGE = 2
"""The command line cannot be understood: argparse's own code."""


def did_you_mean(word: str, known: Collection[str]) -> str:
    """What may have been meant, as the end of a message; empty where nothing is close.

    >>> did_you_mean("tran", ["train", "watch"])
    '; did you mean train?'
    >>> did_you_mean("xyz", ["train", "watch"])
    ''
    """
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


class Parser(argparse.ArgumentParser):
    """The parser of one command. Options may stand before, between and behind the rest."""

    def __init__(self, command: str, description: str, usage: str, epilog: str | None = None) -> None:
        super().__init__(
            prog=f"reward {command}",
            usage=f"reward {command} {usage}",
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The options' values.

        Raises:
            SystemExit: an option is unknown or wrong; a sentence on stderr says which, with exit code 2.
        """
        for name in (word.partition("=")[0] for word in arguments):
            if name == "--":  # what follows is no option
                break
            # before argparse, which would first complain of what else is missing
            if name.startswith("--") and name not in self._option_string_actions:
                self.error(f"there is no option {name}{did_you_mean(name, self._option_string_actions)}")
        return self.parse_intermixed_args(list(arguments))

    def error(self, message: str) -> NoReturn:
        """Ends the command with one sentence, without the whole usage before it."""
        self.exit(EXIT_USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


def whole_number(least: int) -> Callable[[str], int]:
    """The type of an option: a whole number, at least so large."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"must be a whole number of at least {least}, not {text!r}")
        return int(text)

    return read
