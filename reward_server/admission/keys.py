"""Who may ask: API keys, read from settings and files, and compared in constant time.

Not for how much a key may ask (``quotas.py``) or for HTTP (``api/authentication.py``).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reward_client.errors import AuthenticationError
from reward_client.files.text_file import TextFileError, read_text_file
from reward_server.admission.quotas import Quota

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


class KeyRing:
    """Says whose quota a request spends.

    Args:
        keys: the known keys; with none, everybody may ask.
        burst: images that a quota lets through at once.
    """

    def __init__(self, keys: Sequence[ApiKey], burst: int) -> None:
        self._quotas = {key.digest: Quota(key.images_per_s, burst) for key in keys}
        self._everybody = Quota(None, burst)

    @property
    def asks(self) -> bool:
        """Whether a request needs a key."""
        return bool(self._quotas)

    def quota_of(self, authorization: str | None) -> Quota:
        """The quota of the key that a request carries.

        Args:
            authorization: its ``Authorization`` header.

        Returns:
            The quota, without a limit where no keys are asked for or the key has none.

        Raises:
            AuthenticationError: no key, or an unknown one.
        """
        if not self._quotas:
            return self._everybody
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            raise AuthenticationError(
                "send an API key as Authorization: Bearer <key>", param="Authorization", code="missing_key"
            )
        digest = _digest(given.strip())
        found: Quota | None = None
        for known, quota in self._quotas.items():  # all of them, so that the time tells nothing
            if hmac.compare_digest(known, digest):
                found = quota
        if found is None:
            raise AuthenticationError("unknown API key", param="Authorization", code="unknown_key")
        return found


def read_keys(listed: str | None, file: Path | None) -> list[ApiKey]:
    """Reads keys from a setting and a file.

    Args:
        listed: keys separated by commas.
        file: one key a line; empty lines and lines that begin with ``#`` are skipped.

    Both forms take ``key`` or ``key images_per_second``.

    Raises:
        KeyFileError: the file cannot be read or is not UTF-8, there is no key, a key is too short, holds
            what no header can carry or stands twice, or its rate is not a number.
    """
    entries = [(f"key {i + 1}", entry) for i, entry in enumerate((listed or "").split(",")) if entry.strip()]
    if file is not None:
        try:
            lines = read_text_file(file.expanduser()).split("\n")
        except TextFileError as error:
            raise KeyFileError(str(error)) from error
        entries += [
            (f"{file}: line {i + 1}", line)
            for i, line in enumerate(lines)
            if line.strip() and not line.lstrip().startswith("#")
        ]
    if not entries and (listed is not None or file is not None):
        raise KeyFileError(f"{file or 'the list of API keys'} holds no key")
    keys: dict[bytes, ApiKey] = {}
    places: dict[bytes, str] = {}
    for place, entry in entries:
        key = _key(place, entry)
        if key.digest in keys:
            raise KeyFileError(f"{place}: this key is in {places[key.digest]} already")
        keys[key.digest], places[key.digest] = key, place
    return list(keys.values())


def _key(place: str, entry: str) -> ApiKey:
    text, *rate = entry.split()
    if len(text) < MIN_KEY_CHARS:
        raise KeyFileError(f"{place}: a key has at least {MIN_KEY_CHARS} characters")
    if not (text.isascii() and text.isprintable()):
        raise KeyFileError(f"{place}: a key has ASCII characters only, and no control characters")
    if not rate:
        return ApiKey(_digest(text), None)
    try:
        images_per_s = float(rate[0])
    except ValueError:
        images_per_s = 0.0
    if len(rate) > 1 or not 0.0 < images_per_s < float("inf"):
        raise KeyFileError(f"{place}: write 'key' or 'key images_per_second'")
    return ApiKey(_digest(text), images_per_s)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
