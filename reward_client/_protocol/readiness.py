"""What a wait for a server learns from each look: ready, not yet and why, or never. No sockets here."""

from __future__ import annotations

import logging
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator

import httpx

from reward_client._protocol.answers import error_of
from reward_client.errors import RewardServiceError, ServerNotReadyError, StatusError

READY_POLL_S = 0.5
LOOK_TIMEOUT_S = 5.0
UNKNOWN_HOST_S = 10.0
"""A container's name is known once it starts, which may be a moment after ours."""

_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"})
"""OpenSSL's words for a peer that speaks something else. A peer that hangs up may speak TLS later."""

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
        self._ends_at = clock() + timeout_s
        self._unknown_since: float | None = None
        self._told, self._told_at = "", -TELL_AGAIN_S

    @property
    def left_s(self) -> float:
        """Time left; a little, where there is none."""
        return max(self._ends_at - self._clock(), 0.1)

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
        if isinstance(outcome, httpx.Response):
            reason = _hopeless_answer(outcome, error)
        else:
            reason = _hopeless_failure(outcome) or self._unknown_host(outcome)
        if reason:
            raise ServerNotReadyError(f"{self._shown}: {reason}") from error
        self.go_on(error)
        return False

    def go_on(self, error: RewardServiceError) -> None:
        """Tells why the wait goes on: a new reason at once, the same one now and then.

        Raises:
            ServerNotReadyError: it took too long.
        """
        now, reason = self._clock(), str(error)
        if now >= self._ends_at:
            raise ServerNotReadyError(
                f"{self._shown} was not ready within {self._timeout_s:g} s: {reason}"
            ) from error
        if reason != self._told or now - self._told_at >= TELL_AGAIN_S:
            # that a server loads is nothing to worry about
            level = logging.INFO if isinstance(error, StatusError) else logging.WARNING
            log.log(level, "waiting for %s: %s", self._shown, reason)
            self._told, self._told_at = reason, now

    def _unknown_host(self, failure: RewardServiceError) -> str | None:
        unknown = any(
            isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME
            for cause in _causes(failure)
        )
        if not unknown:
            self._unknown_since = None
            return None
        now = self._clock()
        self._unknown_since = now if self._unknown_since is None else self._unknown_since
        return "no host of this name is known" if now - self._unknown_since >= UNKNOWN_HOST_S else None


def _hopeless_answer(answer: httpx.Response, error: RewardServiceError) -> str | None:
    """Why waiting longer for another answer cannot help; None where it may."""
    if 300 <= answer.status_code < 400:
        return f"it sends clients to {answer.headers.get('Location', 'another address')}; use that address"
    if not 400 <= answer.status_code < 500 or answer.status_code in {408, 429}:
        return None
    if b"/-/routes" in answer.content:  # Ray Serve's page while it starts its applications
        return None
    return f"{error}; there is no reward server at this address, or a proxy keeps us from it"


def _hopeless_failure(failure: RewardServiceError) -> str | None:
    for cause in _causes(failure):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate cannot be trusted: {getattr(cause, 'verify_message', cause)}"
        if isinstance(cause, ssl.SSLError) and getattr(cause, "reason", None) in _NO_TLS:
            return f"TLS cannot be spoken there ({cause.reason}); is it an http:// address?"
        if isinstance(cause, httpx.ProxyError) and re.match(r"4\d\d\b", str(cause)):
            return f"the proxy refuses: {cause}"
        if isinstance(cause, UnicodeError):
            return "this cannot be the name of a host"
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
