"""Writes JSON files that are whole whenever they are there. Not for what they hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reward_report.text_file import write_text


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a file of JSON; a reader sees the old one or the new one."""
    write_text(path, json.dumps(content, indent=2) + "\n")
