"""Every error of the reward service, on both sides of the wire.

::

    RewardServiceError
     ├── ServerUnreachableError        no connection, or it broke before an answer
     │    └── ConfigurationError       the address, key, proxy or certificates cannot be used
     ├── RequestTimeoutError           no answer within the client's timeout
     ├── ServerNotReadyError           wait_ready gave up
     ├── InvalidAnswerError            an answer that is not in the contract
     └── StatusError                   the server's own error, one class per HTTP status
          ├── BadRequestError          400  not JSON
          ├── AuthenticationError      401  no key, or an unknown one
          ├── NotFoundError            404  no such path
          ├── MethodNotAllowedError    405  no such method on this path
          ├── BodyTimeoutError         408  the body arrived too slowly
          ├── RequestTooLargeError     413  body over the limit
          ├── MediaTypeError           415  not application/json
          ├── InvalidRequestError      422  a field is wrong; ``param`` names it
          ├── RateLimitedError         429  over a quota; see ``retry_after_s``
          ├── InternalServerError      500  a bug of the server
          ├── UnavailableError         503  starting, draining, overloaded or dead
          └── DeadlineExceededError    504  the request's deadline passed

The server raises the classes under ``StatusError`` and the client raises them again from the answer.
What is wrong with one image of a request is no error: its item has a status (``schema.ItemStatus``).
"""

from __future__ import annotations

from typing import ClassVar


class RewardServiceError(Exception):
    """Base of all errors of this package."""


class ServerUnreachableError(RewardServiceError):
    """No connection to the server could be made, or it broke before the answer was complete."""


class ConfigurationError(ServerUnreachableError):
    """What the client was given, or what the environment says of proxies and certificates, cannot be used.

    Attributes:
        param: the client's argument that is wrong, ``base_url`` or ``api_key``; None for the environment.
    """

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class RequestTimeoutError(RewardServiceError):
    """The server did not answer within the client's timeout."""


class ServerNotReadyError(RewardServiceError):
    """The server did not become ready in time."""


class InvalidAnswerError(RewardServiceError):
    """The server's answer does not follow the contract; it may be another service."""


class StatusError(RewardServiceError):
    """An error that the server reported.

    Attributes:
        status_code: HTTP status.
        type: class of the error on the wire, e.g. ``invalid_request_error``.
        message: sentence for a person.
        param: field of the request that is wrong, e.g. ``images`` or ``rubric.readout.labels``.
        code: machine-readable reason, e.g. ``unknown_rubric``.
        retry_after_s: how long to wait before another try, where the server said so.
    """

    status_code: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        where = f" [{self.param}]" if self.param else ""
        return f"{self.status_code}{where}: {self.message}"


class BadRequestError(StatusError):
    """The body is not JSON."""

    status_code = 400
    type = "bad_request_error"


class AuthenticationError(StatusError):
    """No API key was given, or one that the server does not know."""

    status_code = 401
    type = "authentication_error"


class NotFoundError(StatusError):
    """The path does not exist."""

    status_code = 404
    type = "not_found_error"


class MethodNotAllowedError(StatusError):
    """The path exists, but not with this method."""

    status_code = 405
    type = "method_not_allowed_error"


class BodyTimeoutError(StatusError):
    """The body did not arrive in time."""

    status_code = 408
    type = "body_timeout_error"


class RequestTooLargeError(StatusError):
    """The body is over the server's limit."""

    status_code = 413
    type = "request_too_large_error"


class MediaTypeError(StatusError):
    """The body is not ``application/json``."""

    status_code = 415
    type = "media_type_error"


class InvalidRequestError(StatusError):
    """A field of the request is missing, unknown, out of range or of the wrong type."""

    status_code = 422
    type = "invalid_request_error"


class RateLimitedError(StatusError):
    """The client is over its quota."""

    status_code = 429
    type = "rate_limit_error"


class InternalServerError(StatusError):
    """The server failed in a way that it did not foresee."""

    status_code = 500
    type = "server_error"


class UnavailableError(StatusError):
    """The server cannot take the request now: it starts, drains, is overloaded, or its engine died."""

    status_code = 503
    type = "unavailable_error"


class DeadlineExceededError(StatusError):
    """The request was not answered within its deadline."""

    status_code = 504
    type = "deadline_error"


BY_STATUS: dict[int, type[StatusError]] = {
    error.status_code: error
    for error in (
        BadRequestError,
        AuthenticationError,
        NotFoundError,
        MethodNotAllowedError,
        BodyTimeoutError,
        RequestTooLargeError,
        MediaTypeError,
        InvalidRequestError,
        RateLimitedError,
        InternalServerError,
        UnavailableError,
        DeadlineExceededError,
    )
}
