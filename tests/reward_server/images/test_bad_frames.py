"""Walks through the table of frames in docs/reliability.md, over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from reward_server.settings import Settings
from tests.bad_frames import FRAMES, MAX_ASPECT, MAX_PIXELS
from tests.paths import ROOT
from tests.serving import Serving, serving

PAGE = (ROOT / "docs" / "reliability.md").read_text()
TABLE = dict(
    re.findall(r"^\| (.+?) \| (.+?) \|$", PAGE.split("## Frames")[1].split("## Faults")[0], re.MULTILINE)[1:]
)


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    """A server with small limits."""
    with serving(max_image_pixels=MAX_PIXELS, max_aspect_ratio=MAX_ASPECT) as server:
        yield server


def test_the_table_names_every_frame() -> None:
    assert list(TABLE) == list(FRAMES)


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_becomes_what_the_table_says(server: Serving, name: str) -> None:
    status, _, reason = TABLE[name].partition(": ")
    for sent in FRAMES[name]:
        answer = server.score(images=[sent])
        assert answer.status_code == 200
        (item,) = answer.json()["data"]
        assert item["status"] == status
        assert (item["reward"] is None) == (status != "ok")
        if status != "ok":
            assert reason in item["message"]
    assert Settings().max_image_pixels > MAX_PIXELS  # the table holds for the defaults too
