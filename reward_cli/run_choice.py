"""Finds the folder of the run that a user names, and reads its files while somebody may be writing them.

Not for what the files mean.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agent.recording.run_folder import CONFIG
from reward_audit.rows import AUDIT_HTML
from reward_cli.parsing import did_you_mean

RUNS = Path("runs")
"""Where runs go by default."""

COMPARED_BYTES = 512
"""Before the place that was read up to: where they differ from what was read, the file is another one."""


class RunChoiceError(Exception):
    """There is no such run; the message says what there is."""


def find_run(name: str) -> Path:
    """The folder of a run.

    Args:
        name: the folder, or its name in ``runs``.

    Raises:
        RunChoiceError: it holds no run.
    """
    for folder in (Path(name), RUNS / name):
        if _is_audit(folder):
            raise RunChoiceError(f"{folder} is an audit, and no run: its page is {folder / AUDIT_HTML}")
        if (folder / CONFIG).is_file():
            return folder
    near = [folder for folder in (Path(name).parent, RUNS) if folder.is_dir()]
    known = {
        str(file.parent)
        for folder in near
        for file in folder.glob(f"*/{CONFIG}")
        if not _is_audit(file.parent)
    }
    close = did_you_mean(name, known) or did_you_mean(str(RUNS / name), known)
    raise RunChoiceError(f"{name} holds no run (no {CONFIG}){close}")


def _is_audit(folder: Path) -> bool:
    """Whether a folder holds an audit: its ``config.json`` names what was shown."""
    return "plan_sha256" in (read_json(folder / CONFIG) or {})


def read_json(path: Path) -> dict[str, Any] | None:
    """What a file of JSON holds; None where there is none, or only a part of it."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


class RowReader:
    """Reads the rows of a file of JSON lines as they are appended. A line without its end is read later.

    Args:
        path: the file; it may not exist yet.

    Attributes:
        rows: all that were read so far.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._read_bytes, self._end = path, 0, b""
        self.rows: list[dict[str, Any]] = []

    def read(self) -> int:
        """Reads what is new. A file that was replaced or cut, as by a run that goes on, is read again.

        Returns:
            How many rows there are now.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(self._read_bytes - len(self._end))
                if file.read(len(self._end)) != self._end:
                    self.rows, self._read_bytes, self._end = [], 0, b""
                    file.seek(0)
                new = file.read()
        except FileNotFoundError:
            return len(self.rows)
        whole = new[: new.rfind(b"\n") + 1]
        self._read_bytes += len(whole)
        self._end = (self._end + whole)[-COMPARED_BYTES:]
        for line in whole.splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue  # damaged: the others still tell of the run
            if isinstance(row, dict):
                self.rows.append(row)
        return len(self.rows)
