"""Entry of ``reward-agent`` and ``python -m agent``: light, so that an early interrupt ends quietly too.

Not for the commands (``commands.py``).
"""

from __future__ import annotations

from reward_client.processes.missing_extra import extra_named
from reward_report.entry import interruptible


def main() -> None:
    """Runs a command; a signal before it could take over ends it with a sentence."""
    interruptible("reward-agent", _run)


def _run() -> None:
    # PyTorch and what else a run needs take seconds to import.
    with extra_named("reward-agent", "agent"):
        from agent.commands import run  # noqa: PLC0415

    run()


if __name__ == "__main__":
    main()
