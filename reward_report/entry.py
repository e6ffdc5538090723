"""How a command starts: light, so that an early interrupt ends it quietly too. Not for any command."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType

EXIT_INTERRUPTED = 130
"""SIGINT, SIGTERM or SIGHUP ended the command: 128 + SIGINT, as shells report it."""


def interruptible(prog: str, run: Callable[[], None]) -> None:
    """Runs a command; a signal before it could take over ends it with a sentence.

    Args:
        prog: the command's name.
        run: imports the command, which may take seconds, and runs it.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # keep what nohup chose
        signal.signal(signal.SIGHUP, _interrupt)
    try:
        run()
    except KeyboardInterrupt:
        print(f"\n{prog}: interrupted", file=sys.stderr)
        raise SystemExit(EXIT_INTERRUPTED) from None


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
