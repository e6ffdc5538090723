"""Keeps some frames of an audit as files, for its page: what was read is drawn on copies of them.

Not for the answers (``rows.py``).
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from reward_audit.rows import FRAMES, Row
from reward_audit.showing.conditions import Kind
from reward_audit.showing.plan import Job
from reward_audit.showing.stage import Stage
from reward_tasks.task import Task

SWEPT = 12
"""Frames of the sweep that are kept, spread evenly over what is true; of each other condition one is."""

DRAWN_ON = frozenset({Kind.SWEEP, Kind.CONTROL})
"""Kinds of conditions whose frames show the state in its own place and size."""

WIDTH_PX = 300
"""Of the files."""


def keep_samples(folder: Path, task: Task, stage: Stage, jobs: Sequence[Job], rows: Sequence[Row]) -> None:
    """Writes the frames that the page shows, as ``frames/CONDITION_PLACE.png``.

    Args:
        folder: the audit's.
        task: knows where a value is drawn.
        stage: makes frames.
        jobs: all of the audit's.
        rows: the answers to them.
    """
    target = folder / FRAMES
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    answers = {(row["condition"], row["place"]): row for row in rows}
    for job in chosen(jobs, rows, f"true_{task.columns[0].name}"):
        _marked(task, stage, job, answers[job.key]).save(target / file_name(answers[job.key]))


def file_name(row: Row) -> str:
    """The file of a row's frame, where it was kept."""
    return f"{row['condition']}_{row['place']}.png"


def chosen(jobs: Sequence[Job], rows: Sequence[Row], truth: str) -> list[Job]:
    """The jobs whose frames are kept: of the sweep by what is true, and the first of each other condition."""
    true = {(row["condition"], row["place"]): row[truth] for row in rows}
    swept = sorted((job for job in jobs if job.condition.kind is Kind.SWEEP), key=lambda job: true[job.key])
    places = np.linspace(0, len(swept) - 1, min(SWEPT, len(swept)))
    others = [job for job in jobs if job.condition.kind is not Kind.SWEEP and job.place == 0]
    return [swept[round(place)] for place in places] + others


def _marked(task: Task, stage: Stage, job: Job, row: Row) -> Image.Image:
    frame = stage.frame(job)
    image = Image.open(io.BytesIO(frame)) if isinstance(frame, bytes) else Image.fromarray(frame)
    image = image.convert("RGB")
    if row["reward"] is not None and row["value"] is not None and job.condition.kind in DRAWN_ON:
        line = task.pointer(stage.observation(job), row["value"], row["unit"])
        if line:
            ImageDraw.Draw(image).line(list(line), fill=(200, 30, 30), width=4)
    small = image.resize((WIDTH_PX, round(image.height * WIDTH_PX / image.width)), Image.Resampling.LANCZOS)
    return ImageOps.expand(small, 1, "lightgrey")  # a white frame on a white page has no edge
