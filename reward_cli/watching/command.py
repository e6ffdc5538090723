"""The command ``reward watch``: its options, and the loop that looks again and again."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from rich.console import Console
from rich.live import Live

from reward_cli.parsing import EXIT_FAILED, Parser
from reward_cli.run_choice import RunChoiceError, find_run
from reward_cli.watching.run_state import RunState
from reward_cli.watching.view import view

LAST_PORT = 65_535
LOOK_EVERY_S = 1.0
MANY_COLOURS = {"256", "truecolor"}
"""Rich's names of the terminals that frames are drawn in."""

ONCE_HEIGHT = 30
"""Lines of a page that does not have to fit a window."""


def watch(arguments: Sequence[str]) -> int:
    """Shows a run until it ends, or once.

    Returns:
        The exit code; to leave is no failure.
    """
    parser = Parser(
        "watch",
        "Shows a run while it goes, or a finished one.",
        "RUN [--once | --browser [--port PORT]]",
        "It only reads the run's folder; Ctrl-C leaves, and the run goes on. The page of\n"
        "--browser is for browsers of this machine alone. From elsewhere:\n"
        "ssh -L PORT:127.0.0.1:PORT HOST\n\n"
        "examples:\n  reward watch runs/demo\n  reward watch runs/demo --browser --port 8080\n",
    )
    parser.add_argument("run", metavar="RUN", help="folder of the run, such as runs/demo")
    parser.add_argument("--once", action="store_true", help="print what there is now, and end")
    parser.add_argument("--browser", action="store_true", help="serve a live page, and print its address")
    parser.add_argument("--port", type=_port, default=0, help="of that page; default: any that is free")
    options = parser.parse(arguments)
    try:
        state = RunState(find_run(options.run))
    except RunChoiceError as error:
        print(f"reward watch: {error}", file=sys.stderr)
        return EXIT_FAILED
    if options.browser:
        return _serve(state, options.port)
    console = Console(highlight=False)
    if not options.once and console.is_terminal:
        _follow(state, console, time.sleep)
    state.refresh()
    console.print(view(state, console.width, ONCE_HEIGHT))
    return 0


def _serve(state: RunState, port: int) -> int:
    """Serves the live page until the user leaves."""
    from reward_cli.watching.live_page import HOST, LivePage  # noqa: PLC0415 - Matplotlib takes a second

    try:
        server = LivePage(state, port)
    except OSError as error:
        print(f"reward watch: port {port} of {HOST}: {error.strerror}", file=sys.stderr)
        return EXIT_FAILED
    with server:
        print(f"{state.folder}: {server.url} (Ctrl-C ends)", flush=True)
        with suppress(KeyboardInterrupt):
            server.serve_forever()
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > LAST_PORT:
        raise argparse.ArgumentTypeError(f"must be a whole number of at most {LAST_PORT}, not {text!r}")
    return int(text)


def _follow(state: RunState, console: Console, sleep: Callable[[float], None]) -> None:
    """Draws the page on a screen of its own until the run is over or the user leaves."""
    try:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while state.summary is None:
                state.refresh()
                page = view(state, console.width, console.height, console.color_system in MANY_COLOURS)
                live.update(page, refresh=True)
                sleep(LOOK_EVERY_S)
    except KeyboardInterrupt:
        return
