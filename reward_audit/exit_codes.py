"""The exit codes of ``reward-audit`` beside those of a verdict. Importing this costs nothing."""

from __future__ import annotations

EXIT_FAILED = 1
"""The audit could not be done; a sentence on stderr says why."""
