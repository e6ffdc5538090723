"""The form of log lines, as text or as JSON, with the id of the request that they are about.

Not for what is logged about a request (``api/request_log.py``).
"""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Id of the request that this task answers."""


class TextFormatter(logging.Formatter):
    """Lines for people; the request's id at the end."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """One line, or more with a traceback."""
        line = super().format(record)
        name = request_id.get()
        return f"{line} [{name}]" if name else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        fields: dict[str, object] = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if name := request_id.get():
            fields["request_id"] = name
        for extra in ("status", "duration_s"):
            if hasattr(record, extra):
                fields[extra] = getattr(record, extra)
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields)
