"""The wire grows and nothing breaks: what a client of yesterday sends and reads is still there today.

``openapi_yesterday.json`` is the document before ``variables``, ``rubrics`` and the binary body.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.reward_server.api.test_openapi import SNAPSHOT

YESTERDAY = json.loads((Path(__file__).parent / "openapi_yesterday.json").read_text())
TODAY = json.loads(SNAPSHOT.read_text())
SENT = ("ScoreRequest", "CompareRequest", "Pair", "Rubric", "Region")
READ = sorted(YESTERDAY["components"]["schemas"].keys() - set(SENT))


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


def test_every_route_is_there() -> None:
    for path, methods in YESTERDAY["paths"].items():
        assert methods.keys() <= TODAY["paths"][path].keys()
        for method, operation in methods.items():
            assert operation["responses"].keys() <= TODAY["paths"][path][method]["responses"].keys()


@pytest.mark.parametrize("name", SENT)
def test_what_is_sent_needs_no_more_fields(name: str) -> None:
    before, now = schema(YESTERDAY, name), schema(TODAY, name)
    assert before["properties"].keys() <= now["properties"].keys()
    assert set(now.get("required", [])) <= set(before.get("required", []))


@pytest.mark.parametrize("name", READ)
def test_what_is_read_has_every_field(name: str) -> None:
    before, now = schema(YESTERDAY, name), schema(TODAY, name)
    assert before.get("properties", {}).keys() <= now.get("properties", {}).keys()
    assert set(before.get("required", [])) <= set(now.get("required", []))
    assert set(now.get("enum", [])) <= set(before.get("enum", [])), "an older client knows no other value"


def test_the_answer_to_one_rubric_is_still_one_of_the_answers() -> None:
    content = TODAY["paths"]["/score"]["post"]["responses"]["200"]["content"]["application/json"]
    assert {"$ref": "#/components/schemas/ScoreResponse"} in content["schema"]["anyOf"]
