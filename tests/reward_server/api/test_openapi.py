"""The OpenAPI document is a promise: a change to it is seen and decided, not slipped in.

After a wanted change: ``python -m tests.reward_server.api.test_openapi`` writes the new snapshot.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reward_server.api.app import create_app
from reward_server.settings import Settings
from tests.application import never, service

SNAPSHOT = Path(__file__).parent / "openapi.json"


def document() -> dict[str, Any]:
    return create_app(service(never, Settings())).openapi()


def test_the_openapi_document_is_the_one_that_was_agreed_on() -> None:
    assert document() == json.loads(SNAPSHOT.read_text())


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(document(), indent=1, sort_keys=True) + "\n")
