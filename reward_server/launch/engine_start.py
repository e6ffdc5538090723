"""An engine's start, which either succeeds or ends with the cause in one line.

vLLM waits for its processes without a limit, and there are ways to lose one that it does not notice. Not for
how an engine is loaded (``model_loading.py``).
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable
from typing import TypeVar

from reward_server.engine.interface import EngineDeadError
from reward_server.engine.model_source import CheckpointError
from reward_server.engine.process_report import ProcessReport, in_one_line

POLL_S = 1.0
GRACE_S = 30.0
"""Time for vLLM to notice itself that one of its processes cannot go on, and to end the others."""

T = TypeVar("T")


class EngineStartError(Exception):
    """The engine could not start; the message says why."""


class EngineStart:
    """Does what starts an engine, and finds the cause where it fails. To be made before the engine is."""

    def __init__(self) -> None:
        self._report = ProcessReport()

    async def run(self, work: Awaitable[T]) -> T:
        """Does a part of the start.

        Raises:
            CheckpointError: the model cannot be served.
            EngineStartError: anything else went wrong, or cannot succeed any more.
        """
        doing = asyncio.ensure_future(work)
        lost_at: float | None = None
        try:
            while not (await asyncio.wait([doing], timeout=POLL_S))[0]:
                if not self._report.lost():
                    lost_at = None
                elif lost_at is None:
                    lost_at = time.monotonic()
                elif time.monotonic() - lost_at > GRACE_S:
                    raise EngineStartError(self._sentence(TimeoutError("vLLM still waits for its processes")))
            return doing.result()
        except (CheckpointError, EngineStartError):
            raise
        except Exception as error:
            raise EngineStartError(self._sentence(error)) from error
        finally:
            doing.cancel()

    def explained(self, failure: BaseException) -> str:
        """A failure in one line; of an engine that died, with the cause."""
        if isinstance(failure, EngineDeadError):
            cause = self._report.cause()
            return f"{failure}: {cause}" if cause else str(failure)
        if isinstance(failure, CheckpointError | EngineStartError):
            return str(failure)
        return in_one_line(failure)

    def _sentence(self, error: Exception) -> str:
        cause = self._report.cause()
        if cause is None and "root cause above" in str(error):  # a process ended before it could report
            cause = "its process ended before it could say why; what it printed is above"
        cause = cause or in_one_line(error)
        return f"the engine could not start: {cause.rstrip('.')}{_hint(cause)}"


def _hint(cause: str) -> str:
    """What to do about some causes that do not say it themselves."""
    if "compile" in cause.lower():
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        for folder in (sys.prefix, os.environ.get("VLLM_CACHE_ROOT") or cache, tempfile.gettempdir()):
            if len(folder.split()) > 1:
                return f". The path {folder!r} holds a space, at which the compiler's command breaks"
    return ""
