"""Entry of ``reward-server`` and ``python -m reward_server``: light, and imported by the engine's processes.

``reward-server --model …`` starts a server.

Not for the command (``command.py``).
"""

from __future__ import annotations

from reward_client.processes.lifeline import end_with_parent
from reward_client.processes.missing_extra import extra_named

end_with_parent()  # here, since the engine's processes import this file, long before they import vLLM


def main() -> None:
    """Runs the server, and leaves no process behind."""
    with extra_named("reward-server", "server"):
        from reward_server.command import run  # noqa: PLC0415
    run()


if __name__ == "__main__":
    main()
