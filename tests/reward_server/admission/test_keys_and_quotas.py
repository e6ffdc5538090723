"""API keys and quotas."""

from __future__ import annotations

from pathlib import Path

import pytest

from reward_client.errors import AuthenticationError, RateLimitedError
from reward_server.admission.keys import KeyFileError, KeyRing, read_keys
from reward_server.admission.quotas import Quota

KEY, OTHER = "k" * 20, "o" * 20


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_without_keys_everybody_may_ask() -> None:
    KeyRing([], 64).quota_of(None).spend(10_000)


def test_a_known_key_is_let_in_and_others_are_not() -> None:
    keys = KeyRing(read_keys(f"{KEY}, {OTHER} 5", None), 64)
    limited = keys.quota_of(f"Bearer {OTHER}")
    assert limited is keys.quota_of(f"bearer {OTHER} ")
    limited.spend(64)
    with pytest.raises(RateLimitedError):
        limited.spend(64)
    for _ in range(100):
        keys.quota_of(f"Bearer {KEY}").spend(64)  # no quota
    for header in (
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Basic {KEY}",
        f"Bearer {KEY}x",
        f"Bearer {KEY[:-1]}",
        KEY,
    ):
        with pytest.raises(AuthenticationError):
            keys.quota_of(header)


def test_a_quota_refuses_and_says_when_to_come_again() -> None:
    clock = Clock()
    quota = Quota(10.0, 20, clock)
    quota.spend(20)
    with pytest.raises(RateLimitedError) as caught:
        quota.spend(5)
    assert caught.value.retry_after_s == pytest.approx(0.5)
    clock.now += 0.5
    quota.spend(5)


def test_a_quota_lets_its_rate_through_over_time() -> None:
    clock = Clock()
    quota, passed = Quota(10.0, 20, clock), 0
    for _ in range(1000):
        clock.now += 0.1
        try:
            quota.spend(4)
            passed += 4
        except RateLimitedError:
            pass
    assert passed == pytest.approx(10 * 100 + 20, abs=8)


def test_keys_come_from_a_file_too(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# for the lab\n\n{KEY}\n{OTHER} 2.5\n")
    assert [key.images_per_s for key in read_keys(None, file)] == [None, 2.5]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("short", "at least 16"),
        (f"{KEY} fast", "images_per_second"),
        (f"{KEY} 0", "images_per_second"),
        (f"{KEY} inf", "images_per_second"),
        (f"{KEY} 5 6", "images_per_second"),
    ],
)
def test_a_wrong_key_is_refused_by_its_line_and_never_shown(
    tmp_path: Path, content: str, reason: str
) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# comment\n{content}\n")
    with pytest.raises(KeyFileError, match=reason) as caught:
        read_keys(None, file)
    assert "line 2" in str(caught.value)
    assert content.split(maxsplit=1)[0] not in str(caught.value)


@pytest.mark.parametrize("listed", ["", " , "])
def test_a_list_without_a_key_does_not_open_the_door(listed: str, tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="holds no key"):
        read_keys(listed, None)
    file = tmp_path / "keys"
    file.write_text("# none yet\n")
    with pytest.raises(KeyFileError, match="holds no key"):
        read_keys(None, file)


def test_a_missing_key_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be read"):
        read_keys(None, tmp_path / "nowhere")


@pytest.mark.parametrize(
    "text",
    [f"\ufeff{KEY}\n{OTHER} 2.5\n", f"\ufeff# for the lab\r\n{KEY}\r\n{OTHER} 2.5", f"{KEY}\r{OTHER}\t2.5\r"],
    ids=["a byte-order mark", "Windows", "old Macs"],
)
def test_keys_are_the_same_however_their_file_was_saved(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys"
    file.write_bytes(text.encode())
    assert read_keys(None, file) == read_keys(f"{KEY}, {OTHER} 2.5", None)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (KEY.encode("utf-16"), "UTF-16"),
        (f"# lab\n{KEY}\u00e9".encode("latin-1"), "line 2: not UTF-8"),
        (f"# lab\n{KEY}\u00e9".encode(), "line 2: a key has ASCII characters only"),
        (f"# lab\n{KEY}\u200b".encode(), "line 2: a key has ASCII characters only"),
        (f"# lab\n{KEY}\x07".encode(), "line 2: a key has ASCII characters only"),
        (f"# lab\n{KEY}\0".encode(), "line 2: .*NUL"),
        (f"{KEY} 5\n\n{KEY} 9".encode(), "line 3: this key is in .*line 1 already"),
        (f"{KEY}\n{OTHER}\n{KEY}".encode(), "line 3: this key is in .*line 1 already"),
    ],
)
def test_a_key_that_could_never_match_or_stands_twice_is_refused(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    file = tmp_path / "keys"
    file.write_bytes(data)
    with pytest.raises(KeyFileError, match=rf"keys: .*{reason}") as caught:
        read_keys(None, file)
    assert KEY not in str(caught.value)


def test_a_key_stands_once_in_the_list_and_the_file_together(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{OTHER}\n{KEY} 5\n")
    with pytest.raises(KeyFileError, match="line 2: this key is in key 1 already"):
        read_keys(f"{KEY} 3", file)
    with pytest.raises(KeyFileError, match="key 2: this key is in key 1 already"):
        read_keys(f"{KEY} 3, {KEY}", None)
