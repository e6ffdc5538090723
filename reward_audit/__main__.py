"""Entry of ``reward-audit`` and ``python -m reward_audit``: light, so that an early interrupt ends quietly.

Not for the command (``commands.py``).
"""

from __future__ import annotations

from reward_client.processes.missing_extra import extra_named
from reward_report.entry import interruptible


def main() -> None:
    """Runs a command; a signal before it could take over ends it with a sentence."""
    interruptible("reward-audit", _run)


def _run() -> None:
    # SciPy and matplotlib take a second or two to import.
    with extra_named("reward-audit", "audit"):
        from reward_audit.commands import run  # noqa: PLC0415

    run()


if __name__ == "__main__":
    main()
