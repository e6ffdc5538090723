"""What both wrappers share: the frames of a step become its rewards, at once or some steps later.

Not for environments: it knows rows, one for each of them, and frames.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from reward_client.labeling.labeler import FRAMES_PER_REQUEST, Labeler, PendingLabels, Scores
from reward_client.labeling.null_rewards import NullRewardError, check_null_policy
from reward_client.labeling.same_rewards import SameRewards
from reward_client.schema import RewardItem
from reward_client.wording.given_rubric import GivenRubric, checked_rubric

OnNull = Literal["raise", "skip", "last"] | float
"""What the reward is where the server gives none: an error; NaN; the last one before it in the episode; or
a number of one's own. The mask is False in each case."""

LATE = "late"
"""In place of a status: the reward is handed back later."""


@dataclass(frozen=True)
class StepRewards:
    """The rewards of one step of N environments.

    Attributes:
        transition: number of the step, from 0.
        reward: ``(N,)`` float64; NaN where there is none.
        true_reward: ``(N,)`` float64, the environment's own.
        vlm_reward: ``(N,)`` float64, the server's; NaN where it gave none.
        vlm_mask: ``(N,)`` bool, whether the server gave one.
        vlm_status: ``(N,)`` object: the status of the server's item, ``late`` where it is on its way, None
            where an environment was only reset.
    """

    transition: int
    reward: NDArray[np.float64]
    true_reward: NDArray[np.float64]
    vlm_reward: NDArray[np.float64]
    vlm_mask: NDArray[np.bool_]
    vlm_status: NDArray[np.object_]


@dataclass(frozen=True)
class _Step:
    """What is known of a step before its rewards are.

    Attributes:
        rows: those that took it; the others were only reset.
        begins: rows whose episode begins with it.
    """

    number: int
    rows: Sequence[int]
    begins: frozenset[int]
    true_rewards: NDArray[np.float64]


class StepScoring:
    """Has the frames of each step scored.

    Args:
        client: where frames are scored.
        rubric: what to ask, as the client takes it.
        on_null: what a frame without a reward gets.
        late: at most so many steps may be without their rewards, which come later; 0: they come at once.
        reward_id: that of the rewards that there are already.
        count: of environments.

    Raises:
        ValueError: ``on_null`` or ``late`` is something else, or what is to be asked is no rubric.
    """

    def __init__(
        self,
        client: Scores,
        rubric: GivenRubric,
        on_null: OnNull,
        late: int,
        reward_id: str | None,
        count: int,
    ) -> None:
        check_null_policy(on_null, ("raise", "skip", "last"))
        if late < 0:
            raise ValueError(f"late is {late}; it is a number of steps")
        self._client, self._rubric = client, checked_rubric(rubric)
        self._on_null, self._late = on_null, late
        self._same = SameRewards(reward_id)
        self._count = count
        self._last: list[float | None] = [None] * count
        self._new = set(range(count))
        self._number = -1
        self._labeler: Labeler | None = None  # made in the process that steps
        self._open: list[_Step] = []
        self._sent = deque[tuple[list[_Step], PendingLabels]]()
        self._answered = deque[tuple[_Step, list[RewardItem]]]()
        self._ready = deque[StepRewards]()

    @property
    def reward_id(self) -> str | None:
        """That of all rewards so far; None before the first one."""
        return self._same.reward_id if self._labeler is None else self._labeler.reward_id

    @property
    def is_late(self) -> bool:
        """Whether rewards are handed back later."""
        return self._late > 0

    def reset(self, rows: Sequence[int]) -> None:
        """Says that new episodes begin."""
        self._new.update(rows)

    def step(
        self,
        frames: Sequence[NDArray[np.uint8]],
        rows: Sequence[int],
        true_rewards: NDArray[np.float64],
        ended: Sequence[int],
    ) -> StepRewards:
        """Takes a step's frames.

        Args:
            frames: one ``(H, W, 3)`` uint8 RGB frame for each row.
            rows: the environments that took the step; the others were only reset.
            true_rewards: ``(N,)`` float64, the environment's own, of all environments.
            ended: rows whose episode ended with it.

        Raises:
            NullRewardError: a frame has no reward, and ``on_null`` gives none.
            RewardServiceError: a request failed for good.
            RewardsChangedError: the server has other rewards now.
        """
        self._number += 1
        step = _Step(self._number, rows, frozenset(self._new.intersection(rows)), true_rewards)
        self._new = self._new.difference(rows).union(ended)
        if self._late:
            self._send(step, frames)
            return self._unknown(step)
        if not rows:
            return self._rewards(step, [])
        answer = self._client.score(frames, self._rubric)
        self._same.check(answer.reward_id)
        return self._rewards(step, answer.data)

    def late_rewards(self, through: int | None) -> list[StepRewards]:
        """The rewards that were not handed back yet, in order.

        Args:
            through: waits for all up to the step of this number, and gives no later ones; None: gives
                those that are there.

        Raises:
            ValueError: rewards come at once, or there is no such step yet.
            NullRewardError: as ``step``; it is raised again the next time, and the rewards before it can
                still be had by their number.
            RewardServiceError: likewise.
            RewardsChangedError: likewise.
        """
        if not self._late:
            raise ValueError("rewards come with their step; make the wrapper with late=64, say")
        if through is not None and through > self._number:
            raise ValueError(f"transition {through} is not taken yet; the last one is {self._number}")
        self._receive(through)
        while self._answered and (through is None or self._answered[0][0].number <= through):
            self._ready.append(self._rewards(*self._answered[0]))  # where it is refused, what is ready stays
            self._answered.popleft()
        taken = []
        while self._ready and (through is None or self._ready[0].transition <= through):
            taken.append(self._ready.popleft())
        return taken

    def close(self) -> None:
        """Drops rewards that are on their way."""
        if self._labeler is not None:
            self._labeler.close()

    def _send(self, step: _Step, frames: Sequence[NDArray[np.uint8]]) -> None:
        if self._labeler is None:
            self._labeler = Labeler(self._client, self._rubric, self._same.reward_id)
        for frame in frames:
            self._labeler.submit(frame)
        self._open.append(step)
        if sum(len(one.rows) for one in self._open) >= FRAMES_PER_REQUEST:
            self._end_chunk()
        if step.number >= self._late:
            self._receive(step.number - self._late)

    def _end_chunk(self) -> None:
        if self._labeler is not None and self._open:
            self._sent.append((self._open, self._labeler.end_chunk()))
            self._open = []

    def _receive(self, through: int | None) -> None:
        """Takes the answers that are there, and waits for those to the steps up to a number."""
        if through is not None and self._open and self._open[0].number <= through:
            self._end_chunk()
        while self._sent:
            steps, pending = self._sent[0]
            if not pending.done() and (through is None or steps[0].number > through):
                return
            items = iter(pending.result())
            self._answered.extend((step, [next(items) for _ in step.rows]) for step in steps)
            self._sent.popleft()

    def _unknown(self, step: _Step) -> StepRewards:
        """What is said of a step whose rewards are on their way."""
        count = self._count
        status: NDArray[np.object_] = np.full(count, None, dtype=object)
        status[list(step.rows)] = LATE
        nothing = np.full(count, math.nan)
        return StepRewards(
            step.number, nothing, step.true_rewards, nothing.copy(), np.zeros(count, np.bool_), status
        )

    def _rewards(self, step: _Step, items: Sequence[RewardItem]) -> StepRewards:
        rewards = step.true_rewards.copy()  # Gymnasium's own 0 where an environment was only reset
        vlm_rewards, mask = np.full(self._count, math.nan), np.zeros(self._count, np.bool_)
        status: NDArray[np.object_] = np.full(self._count, None, dtype=object)
        for row, item in zip(step.rows, items, strict=True):
            if row in step.begins:
                self._last[row] = None
            status[row], mask[row] = item.status.value, item.reward is not None
            if item.reward is not None:
                vlm_rewards[row] = self._last[row] = item.reward
            rewards[row] = self._reward(item, self._last[row], self._name(step, row))
        return StepRewards(step.number, rewards, step.true_rewards, vlm_rewards, mask, status)

    def _reward(self, item: RewardItem, last: float | None, name: str) -> float:
        if item.reward is not None:
            return item.reward
        if self._on_null == "skip":
            return math.nan
        if self._on_null == "last" and last is not None:
            return last
        if isinstance(self._on_null, str):
            reason = "; on_null is 'last', and there is none before it in the episode"
            raise NullRewardError.of(
                item, name, reason if self._on_null == "last" else "; on_null is 'raise'"
            )
        return float(self._on_null)

    def _name(self, step: _Step, row: int) -> str:
        where = f" of environment {row}" if self._count > 1 else ""
        return f"the frame{where} after transition {step.number}"


def infos_of(rewards: StepRewards) -> dict[str, Any]:
    """What the infos say of a step beside its reward, by key."""
    names = ("true_reward", "vlm_reward", "vlm_mask", "vlm_status")
    return {name: getattr(rewards, name) for name in names}
