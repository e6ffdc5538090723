"""Who may ask, and how much: API keys compared in constant time, each with an optional rate of images.

Not for HTTP (``app.py``) or for load in all (``admission.py``).
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reward_client.errors import AuthenticationError, RateLimitedError

MIN_KEY_CHARS = 16


class KeyFileError(Exception):
    """The API keys cannot be used; the message says why and never holds a key."""


@dataclass(frozen=True)
class ApiKey:
    """One key.

    Attributes:
        digest: SHA-256 of the key; the key itself is not kept.
        images_per_s: its quota; None for none.
    """

    digest: bytes
    images_per_s: float | None


class TokenBucket:
    """A quota: so many images a second on average, with bursts.

    Args:
        images_per_s: the rate at which it fills.
        burst: images that it holds.
        clock: seconds.
    """

    def __init__(self, images_per_s: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = images_per_s, float(burst), clock
        self._tokens, self._filled_at = float(burst), clock()

    def take(self, images: int) -> float:
        """Takes images from the quota.

        Returns:
            0 where they were taken, else the seconds after which they could be.
        """
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        missing = min(images, self._burst) - self._tokens
        if missing > 1e-9:
            return missing / self._rate
        self._tokens -= images
        return 0.0

    def give_back(self, images: int) -> None:
        """Puts images back that were taken for nothing."""
        self._tokens = min(self._burst, self._tokens + images)


class Access:
    """Checks keys and quotas.

    Args:
        keys: the known keys; with none, everybody may ask.
        burst: images that a quota lets through at once.
        clock: seconds.
    """

    def __init__(
        self, keys: Sequence[ApiKey], burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._keys = tuple(keys)
        self._buckets = {
            key.digest: TokenBucket(key.images_per_s, burst, clock)
            for key in keys
            if key.images_per_s is not None
        }

    def identify(self, authorization: str | None) -> ApiKey | None:
        """The key of a request.

        Args:
            authorization: its ``Authorization`` header.

        Returns:
            The key, or None where no keys are asked for.

        Raises:
            AuthenticationError: no key, or an unknown one.
        """
        if not self._keys:
            return None
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            raise AuthenticationError(
                "send an API key as Authorization: Bearer <key>", param="Authorization", code="missing_key"
            )
        digest = _digest(given.strip())
        found: ApiKey | None = None
        for key in self._keys:  # all of them, so that the time tells nothing
            if hmac.compare_digest(key.digest, digest):
                found = key
        if found is None:
            raise AuthenticationError("unknown API key", param="Authorization", code="unknown_key")
        return found

    def spend(self, key: ApiKey | None, images: int) -> None:
        """Takes images from a key's quota.

        Raises:
            RateLimitedError: the quota is used up; it says when to come again.
        """
        bucket = self._buckets.get(key.digest) if key else None
        if bucket is not None and (wait_s := bucket.take(images)) > 0:
            raise RateLimitedError(
                f"over this key's quota by {images} images", code="quota", retry_after_s=wait_s
            )

    def refund(self, key: ApiKey | None, images: int) -> None:
        """Gives images back to a key's quota: the server was too busy for them."""
        bucket = self._buckets.get(key.digest) if key else None
        if bucket is not None:
            bucket.give_back(images)


def read_keys(listed: str | None, file: Path | None) -> list[ApiKey]:
    """Reads keys from a setting and a file.

    Args:
        listed: keys separated by commas.
        file: one key a line; empty lines and lines that begin with ``#`` are skipped.

    Both forms take ``key`` or ``key images_per_second``.

    Raises:
        KeyFileError: the file cannot be read, there is no key, a key is too short, or its rate is not a
            number.
    """
    entries = [(f"key {i + 1}", entry) for i, entry in enumerate((listed or "").split(",")) if entry.strip()]
    if file is not None:
        try:
            lines = file.expanduser().read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise KeyFileError(f"{file}: cannot be read") from error
        entries += [
            (f"{file}: line {i + 1}", line)
            for i, line in enumerate(lines)
            if line.strip() and not line.lstrip().startswith("#")
        ]
    if not entries and (listed is not None or file is not None):
        raise KeyFileError(f"{file or 'the list of API keys'} holds no key")
    return [_key(place, entry) for place, entry in entries]


def _key(place: str, entry: str) -> ApiKey:
    text, *rate = entry.split()
    if len(text) < MIN_KEY_CHARS:
        raise KeyFileError(f"{place}: a key has at least {MIN_KEY_CHARS} characters")
    if not rate:
        return ApiKey(_digest(text), None)
    try:
        images_per_s = float(rate[0])
    except ValueError:
        images_per_s = 0.0
    if len(rate) > 1 or not 0.0 < images_per_s < float("inf"):
        raise KeyFileError(f"{place}: behind a key there is nothing but its images per second")
    return ApiKey(_digest(text), images_per_s)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
