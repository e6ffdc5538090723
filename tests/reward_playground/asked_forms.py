"""What the page's own form sends, for tests without a browser."""

from __future__ import annotations

import base64
from typing import Any

import httpx

from reward_client.rubric import Rubric
from reward_playground.form import fields_of
from tests.fakes import image
from tests.serving import Serving

PICTURE = base64.b64decode(image())
SWEEP = {"task": "CartPole-v1", "along": "tilt_deg", "frames": "5"}
ASKS = ("ask", "nulls", "sweep")
"""The routes that ask the model."""

BY_THE_PAGE = {"X-Playground": "1"}
"""What the page's script says with every request."""


def asked(rubric: Rubric, slot: str = "a", **fields: str) -> dict[str, str]:
    """The form's fields for a rubric in one of its places."""
    return {f"{slot}.{name}": text for name, text in fields_of(rubric).items()} | fields


def picture(file: bytes = PICTURE) -> dict[str, tuple[str, bytes]]:
    """The form's file."""
    return {"picture": ("picture", file)}


def post(
    server: Serving,
    route: str,
    fields: dict[str, str],
    files: Any = None,
    headers: dict[str, str] | None = None,
    **options: Any,
) -> httpx.Response:
    """Sends a form, as the page's script does."""
    return server.http.post(
        f"/playground/{route}",
        data=fields,
        files=files or picture(),
        headers={**BY_THE_PAGE, **(headers or {})},
        **options,
    )
