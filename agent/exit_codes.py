"""The exit codes of ``reward-agent``, beside 0 for success. Importing this costs nothing."""

from __future__ import annotations

EXIT_FAILED = 1
"""The command could not do its work; a sentence on stderr says why."""

EXIT_NOT_SOLVED = 3
"""Training ended, and the final policy did not solve the task."""

EXIT_UNFINISHED = 4
"""Some runs of an experiment are not finished; the same command goes on with them."""

EXIT_REFUSED = 5
"""The audit before training refuses the reward (``train --audit-first``); nothing was trained."""
