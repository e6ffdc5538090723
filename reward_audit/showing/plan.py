"""What an audit asks, frame by frame, within its budget. The same options give the same plan.

Not for asking (``asking.py``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from reward_audit.showing.conditions import SWEEP, Condition
from reward_audit.showing.sweep import Source, SweptState

SOURCE_SHARES = {
    Source.GRID: 0.5,
    Source.RANDOM: 0.1,
    Source.HALF_TRAINED: 0.125,
    Source.TRAINED: 0.125,
    Source.FALL: 0.075,
    Source.RECOVERY: 0.075,
}
"""Of the sweep: half all over the task, and half where policies go."""

Key = TypeVar("Key", bound=str)


@dataclass(frozen=True)
class Job:
    """One frame to be asked about.

    Attributes:
        condition: how.
        place: in the condition, from 0.
        state: the one that the answer is held against, by its place in the sweep.
        shown: the one whose frame is shown; another one where one state is shown for all.
    """

    condition: Condition
    place: int
    state: int
    shown: int

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from the others."""
        return self.condition.name, self.place


def split_budget(frames: int, conditions: Sequence[Condition]) -> tuple[dict[Source, int], dict[str, int]]:
    """How many frames the sweep's sources and the conditions get; their sum is ``frames``.

    Args:
        frames: the budget.
        conditions: those beside the sweep that the task can show.

    Raises:
        ValueError: there are fewer frames than sources and conditions.
    """
    swept = _parts(SOURCE_SHARES, round(frames * SWEEP.share))
    shares = {condition.name: condition.share for condition in conditions}
    return swept, _parts(shares, frames - sum(swept.values()))


def plan_jobs(
    states: Sequence[SweptState], conditions: Sequence[Condition], counts: Mapping[str, int]
) -> list[Job]:
    """All jobs of an audit: the sweep's, and then each condition's on states spread evenly over the grid.

    Args:
        states: the sweep's.
        conditions: those beside the sweep.
        counts: frames of each of them.
    """
    grid = [place for place, state in enumerate(states) if state.source is Source.GRID]
    jobs = [Job(SWEEP, place, place, place) for place in range(len(states))]
    for condition in conditions:
        count = counts[condition.name]
        chosen = [grid[int(at)] for at in np.linspace(0, len(grid), count, endpoint=False)]
        jobs += [
            Job(condition, place, state, chosen[0] if condition.one_state else state)
            for place, state in enumerate(chosen)
        ]
    return jobs


def digest(states: Sequence[SweptState], jobs: Sequence[Job]) -> str:
    """A hash over what is asked: answers to one plan are no answers to another one."""
    hashed = hashlib.sha256()
    for state in states:
        hashed.update(state.source.encode() + state.observation.tobytes())
    for job in jobs:
        hashed.update(f"{job.condition.name} {job.condition.told} {job.state} {job.shown};".encode())
    return hashed.hexdigest()


def _parts(shares: Mapping[Key, float], count: int) -> dict[Key, int]:
    """A count in parts by their shares, each at least 1; the largest remainders are rounded up."""
    if count < len(shares):
        raise ValueError(f"{count} frames are too few for {len(shares)} parts")
    total = sum(shares.values())
    exact = {key: 1 + (count - len(shares)) * share / total for key, share in shares.items()}
    parts = {key: int(size) for key, size in exact.items()}
    by_remainder = sorted(shares, key=lambda key: parts[key] - exact[key])
    for key in by_remainder[: count - sum(parts.values())]:
        parts[key] += 1
    return parts
