"""Asks, now and then in a run, about frames that show nothing, and the wrong question about frames that do.

The pictures and the question are those of an audit (``reward_audit/showing/nulls.py``). None of these frames
is a step's: they enter neither replay nor the counts of a run's frames, and take no random number of the
run's. Not for what the answers mean (``frame_rules.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_audit.showing.nulls import NULLS
from reward_client.errors import RewardServiceError
from reward_client.labeling.labeler import Scores
from reward_client.rubric import Rubric

WRONG_QUESTION, BLACK, NOISE = "wrong_question", "black", "noise"

TURNS = (WRONG_QUESTION, BLACK, WRONG_QUESTION, WRONG_QUESTION, NOISE, WRONG_QUESTION)
"""Which null is asked after which. Most are the wrong question, since its rewards are held against the truth
and need to be many; those of one picture are all the same."""

_CONDITIONS = {condition.name: condition for condition in NULLS}


@dataclass
class NullAnswer:
    """The answer to one null.

    Attributes:
        kind: one of ``TURNS``.
        step: whose frame was there, from 1.
        reward: the server's; None where it gave none.
        answer: the model's own words; None where there are none.
        status: of the answer; ``not asked`` where the request failed.
        oracle: the perfect reward of the step's state; None where the task does not say.
        own_reward: the reward of the step's frame itself; None until it is known, and where there is none.
    """

    kind: str
    step: int
    reward: float | None
    answer: str | None
    status: str
    oracle: float | None = None
    own_reward: float | None = None


class Nulls:
    """Asks one null after a round of acting, as long as all of them are a small share of the run's frames.

    Args:
        client: where frames are scored.
        question: what the run asks.
        rubric: the same as a whole rubric.
        share: of the run's frames, at most.
        seed: of the noise; which noise is shown depends on it and on the step alone.
    """

    def __init__(
        self, client: Scores, question: str | Rubric, rubric: Rubric, share: float, seed: int
    ) -> None:
        self._client, self._question, self._share, self._seed = client, question, share, seed
        self._wrong = _CONDITIONS[WRONG_QUESTION].question(rubric)

    def due(self, asked: int, steps: int) -> bool:
        """Whether one may be asked: it depends on nothing but the steps and the nulls so far."""
        return asked + 1 <= self._share * steps

    def ask(self, asked: int, frame: NDArray[np.uint8], step: int) -> NullAnswer:
        """Has the next null scored.

        A request that fails for good is noted and nothing else: whether the run can go on is told by its own
        frames.

        Args:
            asked: how many were asked so far.
            frame: ``(H, W, 3)`` uint8 RGB, of the step.
            step: its number, from 1.
        """
        kind = TURNS[asked % len(TURNS)]
        rng = np.random.default_rng([self._seed, step])
        shown: Any = _CONDITIONS[kind].picture(frame, rng)
        try:
            item = self._client.score(
                [shown], self._wrong if kind == WRONG_QUESTION else self._question
            ).data[0]
        except RewardServiceError:
            return NullAnswer(kind, step, None, None, "not asked")
        return NullAnswer(kind, step, item.reward, item.text, item.status.value)
