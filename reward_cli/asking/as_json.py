"""Answers of ``reward ask`` for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from reward_cli.asking.pictures import Picture
from reward_cli.asking.showing import Answered


def as_json(server_url: str, pictures: Sequence[Picture], answered: Sequence[Answered]) -> str:
    """One object: the server, and per question the rubric that was sent and one item per picture.

    An item is the server's own (``POST /score``) with the picture's name.
    """
    content = {
        "server_url": server_url,
        "questions": [
            {
                "question": one.question.title,
                "prompt": one.question.rubric.prompt,
                "rubric": one.question.asked if isinstance(one.question.asked, str) else None,
                "readout": one.question.rubric.readout.type,
                "model": one.response.model,
                "reward_id": one.response.reward_id,
                "items": [
                    {"picture": picture.name, **item.model_dump(mode="json")}
                    for picture, item in zip(pictures, one.response.data, strict=True)
                ],
            }
            for one in answered
        ],
    }
    return json.dumps(content, indent=2, ensure_ascii=False)
