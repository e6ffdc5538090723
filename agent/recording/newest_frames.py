"""Keeps the newest frames of a run with their answers in one small file, for whoever watches the run.

Not for samples, which stay (``samples.py``). Nothing here is read by training, and the file is written by a
thread, so that no step waits for it.
"""

from __future__ import annotations

import base64
import io
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agent.recording.run_folder import NEWEST_FRAMES
from reward_report.folder_lock import FolderLockError
from reward_report.json_file import write_json

EVERY_STEPS = 17
"""One frame in so many: about four of a chunk of 64. A prime, so that parallel environments take turns."""

KEPT = 12
"""Frames in the file; the oldest one leaves."""

WRITE_EVERY_S = 1.0
"""Least time between two writings."""

LONGEST_SIDE_PX = 320
"""Of a frame in the file, which is then about 4 kB as a JPEG."""

JPEG_QUALITY = 85


class NewestFrames:
    """Writes ``newest_frames.json`` of a run.

    Args:
        folder: the run's.
        check_folder: raises where the folder is not this run's any more.
    """

    def __init__(self, folder: Path, check_folder: Callable[[], None]) -> None:
        self._path, self._check_folder = folder / NEWEST_FRAMES, check_folder
        self._new: deque[tuple[NDArray[np.uint8], dict[str, Any]]] = deque(maxlen=KEPT)
        self._written: deque[dict[str, Any]] = deque(maxlen=KEPT)  # of whoever writes
        self._writing: threading.Thread | None = None
        self._last_s = -WRITE_EVERY_S

    @staticmethod
    def rows(first_step: int, count: int) -> set[int]:
        """The rows of a chunk whose frames are kept, by the number of its first step, from 0."""
        return {row for row in range(count) if _wanted(first_step + row)}

    def add(self, frame: NDArray[np.uint8], row: dict[str, Any]) -> None:
        """Takes a frame with its label; now and then all new ones are written, by a thread.

        Args:
            frame: ``(H, W, 3)`` uint8 RGB; it must not change later.
            row: of ``labels.jsonl``. Rows of steps that are not kept are left out.
        """
        if not _wanted(row["step"] - 1):
            return
        self._new.append((frame, row))
        now = time.monotonic()
        is_writing = self._writing is not None and self._writing.is_alive()
        if now - self._last_s < WRITE_EVERY_S or is_writing:
            return
        self._last_s = now
        writing = threading.Thread(target=self._write, args=(list(self._new),), name="newest-frames")
        with suppress(RuntimeError):  # no thread can start: the frames stay for the next writing
            writing.start()
            self._writing = writing
            self._new.clear()

    def close(self) -> None:
        """Waits for a writing that goes on, and writes what is new."""
        if self._writing is not None:
            self._writing.join()
        if self._new:
            self._write(list(self._new))
            self._new.clear()

    def _write(self, new: list[tuple[NDArray[np.uint8], dict[str, Any]]]) -> None:
        self._written.extend({**row, "image": _data_url(frame)} for frame, row in new)
        with suppress(OSError, FolderLockError):  # a full disk, a lost folder: the run itself tells it
            self._check_folder()
            write_json(self._path, {"frames": list(self._written)})


def _wanted(step: int) -> bool:
    return step % EVERY_STEPS == 0


def _data_url(frame: NDArray[np.uint8]) -> str:
    image = Image.fromarray(frame)
    image = image.reduce(max(1, -(-max(image.size) // LONGEST_SIDE_PX)))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
