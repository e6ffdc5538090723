"""The documentation's pages, and the code that stands in them. Not for the tests of either."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from tests.paths import ROOT

README = ROOT / "README.md"
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<code>.*?)^(?P=indent)```$", re.M | re.S)
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@dataclass(frozen=True)
class Snippet:
    """A code block of a page, or one command of a block of them.

    Attributes:
        place: page and line.
        language: that the fence names.
        text: what stands there.
    """

    place: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.place} {self.text.split()[0] if self.language == 'bash' else self.language}"


def blocks(pages: Iterable[Path] = PAGES) -> Iterator[Snippet]:
    """The fenced code blocks of pages."""
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for found in FENCE.finditer(text):
            line = text.count("\n", 0, found.start("code")) + 1
            yield Snippet(f"{page.relative_to(ROOT)}:{line}", found["language"], dedent(found["code"]))


def shell_commands(pages: Iterable[Path] = PAGES) -> Iterator[Snippet]:
    """The commands of all blocks of bash, each with its here-document, without its comment."""
    for block in blocks(pages):
        if block.language == "bash":
            whole = r"^\S.*<<(\w+)\n(?:.*\n)*?\1$|^[^#\s].*$"
            for found in re.finditer(whole, block.text, re.MULTILINE):
                yield Snippet(block.place, "bash", found[0])


def written_in(language: str) -> list[Snippet]:
    return [block for block in blocks() if block.language == language]


def started_with(*programs: str) -> list[Snippet]:
    """The commands that start one of some programs."""
    return [one for one in shell_commands() if one.text.split()[0] in programs]


def assignments() -> list[Snippet]:
    """The lines that belong into ``.env``."""
    return [one for one in shell_commands() if re.match(r"[A-Z_]+=", one.text)]


def words(command: Snippet) -> list[str]:
    return shlex.split(command.text, comments=True)[1:]


def transcripts() -> list[tuple[str, str]]:
    """Commands of ``reward ask`` in blocks of text, each with what it printed."""
    found = []
    for block in written_in("text"):
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            found.append((command, printed))
    return found


def figures(text: str) -> list[float]:
    """The numbers that an answer is told by: percentages, rewards, values."""
    return [
        float(one) for one in re.findall(r"(?:reward |value |answer: |^|\s)(-?\d+\.?\d*)(?= |$)", text, re.M)
    ]
