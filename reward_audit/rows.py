"""The files of an audit's folder: their names, and the answers, which are kept as rows as they come.

Not for what rows say (``findings.py``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

CONFIG, ROWS, FRAMES = "config.json", "rows.jsonl", "frames"
AUDIT_JSON, AUDIT_HTML, CALIBRATED = "audit.json", "audit.html", "calibrated.yaml"

OWN_FILES = (AUDIT_JSON, AUDIT_HTML, CALIBRATED, ROWS, FRAMES, CONFIG)
"""What an earlier audit of the same name left and ``--overwrite`` removes; other files stay. The
configuration is last: rows without it would be nobody's."""

Row = dict[str, Any]
"""One answer: the condition and the place in it, the state and its truth, and what came back."""


class RowLog:
    """The answers of an audit that are there.

    Args:
        path: the file; it is made where there is none. A last line that was cut off is dropped.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch()
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            with path.open("r+b") as file:
                file.truncate(len(whole))
        self.rows: list[Row] = [json.loads(line) for line in whole.splitlines()]

    def append(self, rows: Iterable[Row]) -> None:
        """Keeps rows, in the file too before this returns."""
        rows = list(rows)
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        self.rows += rows
