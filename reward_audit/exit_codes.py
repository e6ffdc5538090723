"""The exit codes of ``reward-audit`` beside those of a verdict. Importing this costs nothing."""

from __future__ import annotations

EXIT_FAILED = 1
"""The audit could not be done; a sentence on stderr says why."""

EXIT_INTERRUPTED = 130
"""SIGINT, SIGTERM or SIGHUP ended the command: 128 + SIGINT, as shells report it."""
