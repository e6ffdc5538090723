"""Entry of ``reward-audit`` and ``python -m reward_audit``: light, so that an early interrupt ends quietly.

Not for the command (``commands.py``).
"""

from __future__ import annotations

import signal
import sys
from types import FrameType

from reward_audit.exit_codes import EXIT_INTERRUPTED


def main() -> None:
    """Runs the command; a signal before it could take over ends it with a sentence."""
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # keep what nohup chose
        signal.signal(signal.SIGHUP, _interrupt)
    try:
        # SciPy and matplotlib take a second or two to import.
        from reward_audit.commands import run  # noqa: PLC0415

        run()
    except KeyboardInterrupt:
        print("\nreward-audit: interrupted", file=sys.stderr)
        raise SystemExit(EXIT_INTERRUPTED) from None


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
