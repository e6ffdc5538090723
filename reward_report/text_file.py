"""Writes text files that are whole whenever they are there. Not for what they hold."""

from __future__ import annotations

from pathlib import Path


def write_text(path: Path, content: str) -> None:
    """Writes a file of text; a reader sees the old one or the new one."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(content, encoding="utf-8")
    part.replace(path)
