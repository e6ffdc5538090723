"""The command ``reward watch``: its options, and the loop that looks again and again."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.live import Live

from reward_cli.parsing import EXIT_FAILED, Parser
from reward_cli.run_choice import RunChoiceError, find_run
from reward_cli.watching.run_state import RunState
from reward_cli.watching.view import view

LOOK_EVERY_S = 1.0
ONCE_HEIGHT = 30
"""Lines of a page that does not have to fit a window."""


def watch(arguments: Sequence[str]) -> int:
    """Shows a run until it ends, or once.

    Returns:
        The exit code; to leave is no failure.
    """
    parser = Parser(
        "watch",
        "Shows a run in the terminal while it goes: answers, rewards, returns, warnings.",
        "RUN [--once]",
        "It only reads the run's folder; Ctrl-C leaves, and the run goes on.\n\n"
        "example:\n  reward watch runs/demo\n",
    )
    parser.add_argument("run", metavar="RUN", help="folder of the run, such as runs/demo")
    parser.add_argument("--once", action="store_true", help="print what there is now, and end")
    options = parser.parse(arguments)
    try:
        state = RunState(find_run(options.run))
    except RunChoiceError as error:
        print(f"reward watch: {error}", file=sys.stderr)
        return EXIT_FAILED
    console = Console(highlight=False)
    if not options.once and console.is_terminal:
        _follow(state, console, time.sleep)
    state.refresh()
    console.print(view(state, console.width, ONCE_HEIGHT))
    return 0


def _follow(state: RunState, console: Console, sleep: Callable[[float], None]) -> None:
    """Draws the page on a screen of its own until the run is over or the user leaves."""
    try:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while state.summary is None:
                state.refresh()
                live.update(view(state, console.width, console.height), refresh=True)
                sleep(LOOK_EVERY_S)
    except KeyboardInterrupt:
        return
