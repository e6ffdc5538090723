"""A server with a stand-in for the model, and the command as a user runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from reward_cli.__main__ import run
from tests.serving import Serving, serving

Ran = tuple[int, str, str]
Reward = Callable[..., Ran]
"""Runs ``reward`` with these words, and returns exit code, stdout and stderr."""


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that tests look for stay whole, whatever terminal the tests run in."""
    monkeypatch.setenv("COLUMNS", "120")
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):  # they make any output a terminal
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("REWARD_API_KEY", raising=False)


@pytest.fixture
def reward(capsys: pytest.CaptureFixture[str]) -> Reward:
    def ran(*words: str) -> Ran:
        code = 0
        try:
            run(words)
        except SystemExit as end:
            code = int(end.code or 0)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return ran


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with serving() as running:
        yield running


@pytest.fixture
def url(server: Serving) -> str:
    server.engine.label_mass, server.engine.text = 0.9, "-3 degrees"
    return f"http://127.0.0.1:{server.port}"
