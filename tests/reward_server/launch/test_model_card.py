"""A checkpoint's own card reaches ``/info``: its words as plain text, bounded, null where there is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from huggingface_hub import constants

from reward_client import RewardClient, ServerInfo
from reward_client.schema import ModelCard
from reward_server.launch.model_card import MAX_FILE_BYTES, MAX_SUMMARY_CHARS, card_of, plain_text
from reward_server.rubrics.loading import load_rubrics
from reward_server.service import Rewarder
from reward_server.settings import Settings
from tests.application import application
from tests.fakes import FakeEngine, server_info
from tests.paths import CHECKPOINT

CARD = """---
license: mit
tags: [robots]
---
# Drawer reader

![badge](https://example.org/badge.svg) <img src="x.png">
It **knows** [drawers](drawers.md), and nothing else.

<!-- not shown -->
```python
print("not shown")
```
| not | shown |
|---|---|

## Trained on
3 drawers
"""
WORDS = "Drawer reader\n\nIt knows drawers, and nothing else.\n\nTrained on\n3 drawers"


def card_in(folder: Path, text: str | bytes) -> ModelCard | None:
    (folder / "README.md").write_bytes(text.encode() if isinstance(text, str) else text)
    return card_of(str(folder), None)


def test_a_card_is_its_words_without_front_matter_and_markup(tmp_path: Path) -> None:
    card = card_in(tmp_path, CARD)
    assert card is not None
    assert [line.strip() for line in card.summary.split("\n")] == WORDS.split("\n")
    assert (card.source, card.truncated) == ("README.md", False)


def test_the_shipped_checkpoint_says_what_it_knows() -> None:
    card = card_of(str(CHECKPOINT), None)
    assert card is not None
    assert "knows nothing but these games" in card.summary
    assert len(card.summary) <= MAX_SUMMARY_CHARS


@pytest.mark.parametrize(
    "text", ["", " \n\n", "---\nlicense: mit\n---\n", "<!-- nothing", "```\nprint()\n"], ids=repr
)
def test_a_card_that_says_nothing_is_none(tmp_path: Path, text: str) -> None:
    assert card_in(tmp_path, text) is None


def test_there_may_be_no_card(tmp_path: Path) -> None:
    assert card_of(str(tmp_path), None) is None
    (tmp_path / "README.md").mkdir()
    assert card_of(str(tmp_path), None) is None
    (tmp_path / "README.md").rmdir()
    os.mkfifo(tmp_path / "README.md")  # whoever opens it waits
    assert card_of(str(tmp_path), None) is None


def test_a_card_that_cannot_be_read_costs_a_line_in_the_log_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    (tmp_path / "README.md").touch()
    assert card_of(str(tmp_path), None) is None
    assert "README.md cannot be read: Permission denied" in caplog.text


def test_a_long_card_is_cut_between_two_words(tmp_path: Path) -> None:
    card = card_in(tmp_path, "word " * 1000)
    assert card is not None
    assert card.truncated
    assert card.summary.endswith("word…")
    assert MAX_SUMMARY_CHARS - 5 <= len(card.summary) <= MAX_SUMMARY_CHARS


def test_no_more_than_the_beginning_of_a_file_is_read(tmp_path: Path) -> None:
    card = card_in(tmp_path, "It knows drawers.\n<!--" + "x" * MAX_FILE_BYTES + "-->\nIt knows doors.")
    assert card is not None
    assert (card.summary, card.truncated) == ("It knows drawers.", True)


def test_bytes_that_are_no_text_and_hidden_characters_do_no_harm(tmp_path: Path) -> None:
    card = card_in(tmp_path, b"It \xff knows\x00 \xe2\x80\xaedrawers\x1b[31m.\r\n")
    assert card is not None
    assert card.summary == "It \ufffd knows drawers[31m."


@pytest.mark.timeout(60)  # what goes back again and again takes hours
@pytest.mark.parametrize("piece", ["![", "[a](", "<", "- ", "---\n", "```\n", "<!--", "|", "**", "# "])
def test_no_card_takes_long(piece: str) -> None:
    plain_text(piece * (MAX_FILE_BYTES // len(piece)))


def test_of_a_hub_model_the_card_in_the_cache_is_read_and_none_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    commit = "0" * 40
    snapshot = tmp_path / "models--org--name" / "snapshots" / commit
    snapshot.mkdir(parents=True)
    assert card_of("org/name", commit) is None
    (snapshot / "README.md").write_text("It knows drawers.")
    card = card_of("org/name", commit)
    assert card is not None
    assert card.summary == "It knows drawers."
    assert card_of("org/name", None) is None  # the cache does not know which commit the main branch is
    refs = tmp_path / "models--org--name" / "refs"
    refs.mkdir()
    (refs / "main").write_text(commit)
    assert card_of("org/name", None) == card


def test_info_has_the_card_or_null() -> None:
    card = ModelCard(source="README.md", summary="It knows drawers.")
    for given in (card, None):

        async def load(card: ModelCard | None = given) -> Rewarder:
            return Rewarder(FakeEngine(), load_rubrics(), Settings(), card)

        with application(load, Settings()) as client:
            info = ServerInfo.model_validate(client.get("/info").json())
        assert info.model_card == given


def test_a_server_of_yesterday_says_nothing_of_a_card() -> None:
    said = server_info().model_dump(mode="json", exclude={"model_card"})
    assert ServerInfo.model_validate(said).model_card is None


@pytest.mark.vllm
def test_the_real_server_repeats_what_the_shipped_card_says(client: RewardClient) -> None:
    card = client.info().model_card
    assert card is not None
    assert "knows nothing but these games" in card.summary
