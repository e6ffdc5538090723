"""Entry of ``reward-agent`` and ``python -m agent``: light, so that an early interrupt ends quietly too.

Not for the commands (``commands.py``).
"""

from __future__ import annotations

import signal
import sys
from types import FrameType

from agent.exit_codes import EXIT_INTERRUPTED


def main() -> None:
    """Runs a command; a signal before it could take over ends it with a sentence."""
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # keep what nohup chose
        signal.signal(signal.SIGHUP, _interrupt)
    try:
        # PyTorch and what else a run needs take seconds to import.
        from agent.commands import run  # noqa: PLC0415

        run()
    except KeyboardInterrupt:
        print("\nreward-agent: interrupted", file=sys.stderr)
        raise SystemExit(EXIT_INTERRUPTED) from None


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
