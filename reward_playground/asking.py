"""Asks the server: one picture, all nulls of it, and two questions over a sweep of a task's states.

Not for how that is shown (``rendering.py`` and the templates).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from reward_audit.measures.ranking import kendall_tau_b
from reward_audit.measures.values import mean_absolute_error
from reward_client import AsyncRewardClient
from reward_client.frames import Frame
from reward_client.schema import Limits, RewardItem, ScoreResponse
from reward_playground import scenes
from reward_playground.curve import Line, Panel, panel
from reward_playground.pictures import NULLS, null_file, thumbnail, thumbnail_of
from reward_playground.questions import with_rubric
from reward_playground.scenes import Shot
from reward_playground.snippets import Asked
from reward_playground.threads import Threads
from reward_tasks.task import Column

SHOWN_FRAMES = 5


async def ask(client: AsyncRewardClient, images: Sequence[Frame], asked: Asked) -> ScoreResponse:
    """Asks one question about one picture or several."""
    variables = None if asked.variables is None else [asked.variables] * len(images)
    return await client.score(
        images, asked.given, asked.preprocess, explain=asked.explain, variables=variables
    )


@dataclass(frozen=True)
class NullRow:
    """What came of one null.

    Attributes:
        name: of the null.
        told: what was shown or asked.
        picture: a small one of it, as a data URL.
        item: the answer.
    """

    name: str
    told: str
    picture: str
    item: RewardItem


async def ask_nulls(
    client: AsyncRewardClient, file: bytes, asked: Asked, limits: Limits, threads: Threads
) -> list[NullRow]:
    """Asks about the picture as it is, and about each null of it.

    Raises:
        PictureError: the picture cannot be read.
        RewardServiceError: a request failed.
    """
    asked = replace(asked, explain=False)  # the table does not show answers in words
    thumbnails = [await threads.run(thumbnail_of, file, limits)]
    rows = [("as it is", "the picture and the question as they are", file, asked)]
    for name, condition in NULLS.items():
        shown = await threads.run(null_file, file, name, limits)
        thumbnails.append(await threads.run(thumbnail_of, shown, limits))
        rows.append((name, condition.told, shown, with_rubric(asked, condition.question(asked.rubric))))
    async with asyncio.TaskGroup() as group:
        answers = [group.create_task(ask(client, [shown], question)) for _, _, shown, question in rows]
    return [
        NullRow(name.replace("_", " "), told, picture, answer.result().data[0])
        for (name, told, _, _), picture, answer in zip(rows, thumbnails, answers, strict=True)
    ]


@dataclass(frozen=True)
class Read:
    """What one question made of a sweep.

    Attributes:
        asked: the question.
        panel: what was read against what is true; None where the readout has no value of its own.
        nulls: frames without a reward.
        tau: Kendall's tau of rewards and the task's perfect rewards; None where it is not defined.
        error: mean size of the values' errors, in the unit; None where values and truth have no common unit.
    """

    asked: Asked
    panel: Panel | None
    nulls: int
    tau: float | None
    error: float | None


@dataclass(frozen=True)
class Swept:
    """A sweep of a task's states along one slider.

    Attributes:
        reads: one for each question.
        rewards: the panel of all their rewards, beside the task's perfect ones.
        frames: some of the frames, with what is true there.
        frame_count: frames of the sweep.
    """

    reads: list[Read]
    rewards: Panel
    frames: list[tuple[str, str]]
    frame_count: int


async def sweep(
    client: AsyncRewardClient,
    questions: Sequence[Asked],
    task: str,
    along: str,
    values: Sequence[scenes.Values],
    threads: Threads,
) -> Swept:
    """Asks questions about the frames of a sweep.

    Args:
        client: the visitor's.
        questions: the two of the page.
        task: a shipped task's name.
        along: the slider that moves.
        values: of all sliders, for each frame.
        threads: render, and compute what is shown.

    Raises:
        RewardServiceError: a request failed.
    """
    taken = await threads.run(scenes.shots, task, values)
    frames = [shot.frame for shot in taken]
    async with asyncio.TaskGroup() as group:
        answers = [  # the curves do not show answers in words
            group.create_task(ask(client, frames, replace(one, explain=False))) for one in questions
        ]
    items = [answer.result().data for answer in answers]
    return await threads.run(_swept, questions, items, taken, along, task)


def _swept(
    questions: Sequence[Asked],
    answers: Sequence[list[RewardItem]],
    taken: Sequence[Shot],
    along: str,
    task: str,
) -> Swept:
    column = scenes.column_of(task, along)
    title = f"true {column.title}" + (f" ({column.unit})" if column.unit else "")
    true, perfect = [shot.truth[along] for shot in taken], [shot.oracle for shot in taken]
    reads = [
        _read(name, one, items, perfect, column, title, true)
        for name, one, items in zip("ab", questions, answers, strict=True)
    ]
    lines = [
        Line(name, true, [item.reward for item in items]) for name, items in zip("ab", answers, strict=True)
    ]
    kept = sorted({round(place) for place in np.linspace(0, len(taken) - 1, SHOWN_FRAMES)})
    return Swept(
        reads,
        panel("Rewards", title, [Line("true", true, perfect), *lines], None),
        [(thumbnail(taken[place].frame), f"{true[place]:.3g}") for place in kept],
        len(taken),
    )


def _read(
    name: str,
    asked: Asked,
    items: list[RewardItem],
    perfect: Sequence[float],
    column: Column,
    title: str,
    true: Sequence[float],
) -> Read:
    values = [None if item.reward is None else item.value for item in items]
    unit = next((item.unit for item in items if item.unit is not None), None)
    shown = None
    is_same = unit is not None and unit == column.unit
    if asked.rubric.readout.type != "choice":
        lines = [Line("true", true, true)] if is_same else []
        y_range = (0.0, 1.0) if unit == "probability" else None
        read = f"read{f' ({unit})' if unit else ''}"
        shown = panel(read, title, [*lines, Line(name, true, values)], y_range)
    error = mean_absolute_error(_floats(values), _floats(true), column.period) if is_same else None
    rewards = [item.reward for item in items]
    return Read(
        asked,
        shown,
        sum(reward is None for reward in rewards),
        kendall_tau_b(_floats(rewards), _floats(perfect)),
        error,
    )


def _floats(values: Sequence[float | None]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
