"""The server knows no task: the words of one stand in its rubric files alone."""

from __future__ import annotations

import re
from pathlib import Path

import reward_server

WORDS = re.compile(r"\b(pole|cart|cartpole|car|mountaincar|pendulum)s?\b", re.IGNORECASE)


def test_no_code_of_the_server_names_a_task() -> None:
    folder = Path(reward_server.__file__).parent
    files = sorted(folder.rglob("*.py"))
    assert files
    named = [
        f"{path.relative_to(folder)}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if WORDS.search(line)
    ]
    assert named == []
