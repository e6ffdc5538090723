"""Text files of a user: how they are saved does not change what they say, or is told by file and line."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from reward_client.files.text_file import TextFileError, read_text_file

TEXT = "Does it stand?\nSo \u2013 yes or no\n"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        codecs.BOM_UTF8 * 2 + TEXT.encode(),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        codecs.BOM_UTF8 + TEXT.replace("\n", "\r\n").encode(),
    ],
    ids=["UTF-8", "a byte-order mark", "two of them", "Windows", "old Macs", "Windows with a mark"],
)
def test_the_way_a_file_was_saved_does_not_change_what_it_says(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "question.txt").write_bytes(data)
    assert read_text_file(tmp_path / "question.txt") == TEXT


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (TEXT.encode("utf-16"), "UTF-16"),
        (TEXT.encode("utf-16-be"), "line 1: .*NUL"),
        (TEXT.encode("utf-32"), "UTF-16"),
        (b"Does it stand?\n\nnai\xefve\n", "line 3: not UTF-8"),
        (b"one\rtwo\r\xe9", "line 3: not UTF-8"),
        (codecs.BOM_UTF8 + b"one\r\ntwo\r\n\xe9", "line 3: not UTF-8"),
        (b"one\ntwo\0", "line 2: .*NUL"),
        (b"one\n" + codecs.BOM_UTF8 + b"two", "line 2: a byte-order mark"),
    ],
)
def test_what_is_no_utf_8_is_told_by_file_and_line(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "question.txt").write_bytes(data)
    with pytest.raises(TextFileError, match=rf"question\.txt: .*{words}") as caught:
        read_text_file(tmp_path / "question.txt")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nowhere.txt", ".", "nul\0"])
def test_what_cannot_be_read_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(TextFileError, match="cannot be read"):
        read_text_file(tmp_path / name)
