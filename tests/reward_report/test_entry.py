"""A command that is interrupted early ends with a sentence and the code of an interrupt."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from reward_report.entry import EXIT_INTERRUPTED, interruptible


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Those of before, afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_with_a_sentence(number: signal.Signals, capsys: pytest.CaptureFixture[str]) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with pytest.raises(SystemExit) as caught:
        interruptible("a-command", lambda: os.kill(os.getpid(), number))
    assert caught.value.code == EXIT_INTERRUPTED == 130
    assert capsys.readouterr().err == "\na-command: interrupted\n"


def test_a_hangup_that_is_ignored_stays_so() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interruptible("a-command", lambda: os.kill(os.getpid(), signal.SIGHUP))


def test_what_a_command_ends_with_is_left_alone() -> None:
    with pytest.raises(SystemExit) as caught:
        interruptible("a-command", lambda: exit_with(3))
    assert caught.value.code == 3


def exit_with(code: int) -> None:
    raise SystemExit(code)
