"""What a wait for a server learns from each look: ready, not yet and why, or never. No sockets here."""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Callable

import httpx

from reward_client._answers import error_of
from reward_client.errors import RewardServiceError, ServerNotReadyError, StatusError

READY_POLL_S = 0.5
LOOK_TIMEOUT_S = 5.0
UNKNOWN_HOST_S = 5.0
"""A container's name is known once it starts, which may be a moment after ours."""

TELL_AGAIN_S = 30.0

log = logging.getLogger("reward_client")


class Waiting:
    """One wait for one server.

    Args:
        shown: the server's address, for messages.
        timeout_s: how long to wait.
        clock: seconds.
    """

    def __init__(self, shown: str, timeout_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._shown, self._timeout_s, self._clock = shown, timeout_s, clock
        self._started = clock()
        self._told, self._told_at = "", -TELL_AGAIN_S

    def is_over(self, outcome: httpx.Response | RewardServiceError) -> bool:
        """Takes a look's outcome.

        Args:
            outcome: of ``GET /readyz``.

        Returns:
            Whether the server is ready.

        Raises:
            ServerNotReadyError: waiting cannot help, or took too long. The message says the last reason.
        """
        error = outcome if isinstance(outcome, RewardServiceError) else error_of(outcome, "")
        if error is None:
            return True
        waited_s = self._clock() - self._started
        if reason := hopeless(outcome, error, waited_s):
            raise ServerNotReadyError(f"{self._shown}: {reason}") from error
        if waited_s >= self._timeout_s:
            raise ServerNotReadyError(
                f"{self._shown} was not ready within {self._timeout_s:g} s: {error}"
            ) from error
        self._tell(error)
        return False

    def _tell(self, error: RewardServiceError) -> None:
        """A new reason at once, the same one now and then. That a server loads is nothing to worry about."""
        now, reason = self._clock(), str(error)
        if reason != self._told or now - self._told_at >= TELL_AGAIN_S:
            level = logging.INFO if isinstance(error, StatusError) else logging.WARNING
            log.log(level, "waiting for %s: %s", self._shown, reason)
            self._told, self._told_at = reason, now


def hopeless(
    outcome: httpx.Response | RewardServiceError, error: RewardServiceError, waited_s: float
) -> str | None:
    """Why waiting longer cannot help; None where it may."""
    if isinstance(outcome, RewardServiceError):
        return _hopeless_cause(outcome, waited_s)
    if not 400 <= outcome.status_code < 500 or outcome.status_code in {408, 429}:
        return None
    if b"/-/routes" in outcome.content:  # Ray Serve's page while it starts its applications
        return None
    return f"{error}; there is no reward server at this address, or a proxy keeps us from it"


def _hopeless_cause(cause: BaseException | None, waited_s: float) -> str | None:
    reason = None
    while cause is not None and reason is None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = f"its certificate cannot be trusted: {getattr(cause, 'verify_message', cause)}"
        elif isinstance(cause, ssl.SSLError):
            reason = f"TLS cannot be spoken there ({cause.reason or 'SSLError'}); is it an http:// address?"
        elif isinstance(cause, UnicodeError):
            reason = "this cannot be the name of a host"
        elif isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME:
            reason = "no host of this name is known" if waited_s >= UNKNOWN_HOST_S else None
        cause = cause.__cause__ or cause.__context__
    return reason
