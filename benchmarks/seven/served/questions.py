"""Asks a server everything once: every rubric, a comparison, and several rubrics in one request.

Each question gets a fresh frame, so that nothing comes from the server's cache. Not for load (``load.py``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.bench.measuring.frames import frame
from reward_client import RewardClient
from reward_client.errors import RewardServiceError
from reward_client.schema import RewardItem, Usage
from reward_client.wording.prompt_template import places_in

TOGETHER = ("cartpole-upright", "cartpole-rating", "cartpole-lean", "mountaincar-height")
"""What is asked in one request. ``Row.alone_s`` needs each of them asked alone as well."""

COMPARED = "cartpole-upright"


@dataclass(frozen=True)
class Row:
    """What one request about one frame cost.

    Attributes:
        asked: a rubric's name, or the request in words.
        status: of its items, one name each, or why it failed.
        seconds: until it was answered; None where it failed.
        passes: forward passes, or generated tokens of a text; None where it failed.
        most_passes: of label trees, where every branch is opened; None for a text and for several questions.
        tokens: of the prompts of all passes, the image's included.
        label_mass: smallest of its items; None where there is none.
        alone_s: the same questions, each in a request of its own; None for one question.
    """

    asked: str
    status: str
    seconds: float | None = None
    passes: int | None = None
    most_passes: int | None = None
    tokens: int | None = None
    label_mass: float | None = None
    alone_s: float | None = None


def ask_everything(client: RewardClient, keep: Callable[[Row], None]) -> list[Row]:
    """Asks, one request after the other.

    Args:
        client: of a server that is ready. A failed request costs its own row.
        keep: is given each row as it comes.
    """
    rows = []
    for row in _rows(client):
        keep(row)
        rows.append(row)
    return rows


def _rows(client: RewardClient) -> Iterator[Row]:
    available = [name for name, info in client.info().rubrics.items() if info.unavailable is None]
    alone_s: dict[str, float | None] = {}
    for number, name in enumerate(available):
        row = _alone(client, name, number)
        alone_s[name] = row.seconds
        yield row
    yield _compared(client, len(available))
    yield _together(client, len(available) + 2, [alone_s.get(name) for name in TOGETHER])


def _alone(client: RewardClient, name: str, number: int) -> Row:
    try:
        detail = client.rubric(name)
        variables = (
            [dict.fromkeys(places, "a pole on a cart")]
            if (places := places_in(detail.rubric.prompt))
            else None
        )
        frames = [frame(number)]
        began = time.perf_counter()
        answer = client.score(frames, name, variables=variables)
        seconds = time.perf_counter() - began
    except RewardServiceError as error:
        return _failed(f"`{name}`", error)
    return _answered(f"`{name}`", seconds, answer.data, answer.usage, most_passes=detail.forward_passes)


def _compared(client: RewardClient, number: int) -> Row:
    asked = f"`/compare` by `{COMPARED}`, both orders"
    pair = (frame(number), frame(number + 1))
    try:
        began = time.perf_counter()
        answer = client.compare([pair], COMPARED)
        seconds = time.perf_counter() - began
    except RewardServiceError as error:
        return _failed(asked, error)
    (item,) = answer.data
    masses = [ordering.label_mass for ordering in item.orders]
    usage = answer.usage
    return Row(
        asked,
        item.status.value,
        seconds,
        usage.completion_tokens,
        None,
        usage.prompt_tokens,
        min(masses, default=None),
    )


def _together(client: RewardClient, number: int, alone_s: Sequence[float | None]) -> Row:
    asked = f"{len(TOGETHER)} `rubrics` in one request: " + ", ".join(f"`{name}`" for name in TOGETHER)
    frames = [frame(number)]
    try:
        began = time.perf_counter()
        answer = client.score_rubrics(frames, TOGETHER)
        seconds = time.perf_counter() - began
    except RewardServiceError as error:
        return _failed(asked, error)
    known = [one for one in alone_s if one is not None]
    return _answered(
        asked,
        seconds,
        answer.data[0].readings,
        answer.usage,
        alone_s=sum(known) if len(known) == len(alone_s) else None,
    )


def _answered(
    asked: str,
    seconds: float,
    items: Sequence[RewardItem],
    usage: Usage,
    *,
    most_passes: int | None = None,
    alone_s: float | None = None,
) -> Row:
    masses = [item.label_mass for item in items if item.label_mass is not None]
    return Row(
        asked,
        ", ".join(dict.fromkeys(item.status.value for item in items)),
        seconds,
        usage.completion_tokens,
        most_passes,
        usage.prompt_tokens,
        min(masses, default=None),
        alone_s,
    )


def _failed(asked: str, error: RewardServiceError) -> Row:
    return Row(asked, f"failed: {type(error).__name__}")
