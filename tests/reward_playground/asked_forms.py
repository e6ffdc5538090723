"""What the page's own form sends, for tests without a browser."""

from __future__ import annotations

import base64

from reward_client.rubric import Rubric
from reward_playground.form import fields_of
from tests.fakes import image

PICTURE = base64.b64decode(image())


def asked(rubric: Rubric, slot: str = "a", **fields: str) -> dict[str, str]:
    """The form's fields for a rubric in one of its places."""
    return {f"{slot}.{name}": text for name, text in fields_of(rubric).items()} | fields


def picture(file: bytes = PICTURE) -> dict[str, tuple[str, bytes]]:
    """The form's file."""
    return {"picture": ("picture", file)}
