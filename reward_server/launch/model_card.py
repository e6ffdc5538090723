"""Reads what a checkpoint's own card says of it: the README.md beside its weights, as plain text.

A model answers with confidence about what it never learned; its card is where its makers say what that is.
Nothing is downloaded for it. Not for what the model really knows: an audit finds that out.
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

from reward_client.schema import ModelCard

log = logging.getLogger("reward_server")

FILE = "README.md"
MAX_FILE_BYTES = 65_536
"""More of a card is not read."""

MAX_SUMMARY_CHARS = 2_000

_LINE_CHARS = 4_000
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n.*?\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_LEFT_OUT = (
    re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL),
    re.compile(r"^(```|~~~).*?(?:^\1[ \t]*$|\Z)", re.DOTALL | re.MULTILINE),
)
_TABLE_ROW = re.compile(r"\s*\|")
_RULE = re.compile(r"\s*(?:[-*_=]\s*){3,}$")
_MARKUP = (
    (re.compile(r"!\[[^\]]{0,300}\]\([^)]{0,1000}\)"), ""),  # pictures
    (re.compile(r"\[([^\]]{0,300})\]\([^)]{0,1000}\)"), r"\1"),  # links
    (re.compile(r"</?[A-Za-z][^>]{0,1000}>"), ""),
    (re.compile(r"^\s{0,3}#{1,6}\s+"), ""),
    (re.compile(r"\*\*|__"), ""),
)
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Control characters, and marks that hide text or turn its direction."""


def card_of(model: str, revision: str | None) -> ModelCard | None:
    """The card of a model that was loaded.

    Args:
        model: local folder or Hub id; of the latter, the card that the cache holds with the weights, if any.
        revision: of the Hub id; None: the main branch.

    Returns:
        None where there is no card, or none that can be read.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return read_card(folder / FILE)
    # Here, since it reads HF_HUB_OFFLINE when it is imported, and a local model turns that on.
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415

    cached = try_to_load_from_cache(model, FILE, revision=revision)
    return read_card(Path(cached)) if isinstance(cached, str) else None


def read_card(path: Path) -> ModelCard | None:
    """The beginning of a card, as plain text.

    Args:
        path: of a Markdown file, with or without front matter.

    Returns:
        None where there is no such file, it says nothing, or it cannot be read, which is logged.
    """
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES)
            whole = os.fstat(file.fileno()).st_size <= MAX_FILE_BYTES
    except OSError as error:
        log.warning("the model's card %s cannot be read: %s", path, error.strerror)
        return None
    text = plain_text(content.decode("utf-8", "replace"))
    if not text:
        return None
    summary = _cut(text)
    return ModelCard(source=path.name, summary=summary, truncated=not whole or summary != text)


def plain_text(markdown: str) -> str:
    r"""The words of a Markdown text, without front matter, pictures, code and tables.

    >>> plain_text("---\nlicense: mit\n---\n# A model\n\nIt **knows** [cats](a.md).\n\n| a |\n|---|\n")
    'A model\n\nIt knows cats.'
    """
    text = _FRONT_MATTER.sub("", _UNSEEN.sub("", markdown.replace("\r\n", "\n")))
    for left_out in _LEFT_OUT:
        text = left_out.sub("", text)
    lines = [_plain_line(line) for line in text.split("\n") if not (_TABLE_ROW.match(line) or _is_rule(line))]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _plain_line(line: str) -> str:
    line = line[:_LINE_CHARS]
    for markup, instead in _MARKUP:
        line = markup.sub(instead, line)
    return line.rstrip()


def _is_rule(line: str) -> bool:
    return len(line) <= 200 and _RULE.match(line) is not None


def _cut(text: str) -> str:
    """A text of at most the limit, cut between two words."""
    if len(text) <= MAX_SUMMARY_CHARS:
        return text
    cut = text[: MAX_SUMMARY_CHARS - 1]
    return f"{cut[: max(cut.rfind(' '), cut.rfind(chr(10)), 1)].rstrip()}…"
