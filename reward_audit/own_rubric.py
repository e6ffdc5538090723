"""Lets an audit ask a rubric that the server does not know by name: it goes with each request.

Not for reading the rubric (``reward_client/files/rubric_file.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reward_client import RewardClient
from reward_client.rubric import Preprocess, Region, Rubric
from reward_client.schema import RewardBounds, RubricDetail, RubricInfo, ScoreResponse, ServerInfo
from reward_client.wording.reward_bounds import bounds_of
from reward_tasks.task import Task


class OwnRubric:
    """A server that knows one more rubric by name: one from a file, or with another question.

    Args:
        client: of the server.
        name: by which the rubric is asked.
        rubric: the rubric.
        reward_id: of its rewards.
    """

    def __init__(self, client: RewardClient, name: str, rubric: Rubric, reward_id: str) -> None:
        self._client, self._name, self._rubric, self._reward_id = client, name, rubric, reward_id

    def info(self) -> ServerInfo:
        """The server's, with the rubric."""
        info = self._client.info()
        known = {**info.rubrics, self._name: RubricInfo(reward_id=self._reward_id)}
        return info.model_copy(update={"rubrics": known})

    def rubric(self, name: str) -> RubricDetail:
        """That rubric, whatever name is asked for: an audit asks for that one alone."""
        rubric = self._rubric
        low, high = (bound if abs(bound) < float("inf") else None for bound in bounds_of(rubric))
        return RubricDetail(
            name=name,
            reward_id=self._reward_id,
            version=rubric.version,
            readout=rubric.readout.type,
            unit=rubric.unit,
            goal=rubric.goal,
            reward_bounds=RewardBounds(low=low, high=high),
            rubric=rubric,
            prompt=rubric.prompt,
            compare_prompt=None,
            prompt_tokens=None,
            forward_passes=None,
        )

    def score(
        self, frames: Sequence[Any], rubric: str | Rubric, preprocess: Preprocess | Region
    ) -> ScoreResponse:
        """Scores frames, with the rubric itself in place of its name."""
        return self._client.score(frames, self._rubric if rubric == self._name else rubric, preprocess)

    @classmethod
    def of(cls, client: RewardClient, name: str, rubric: Rubric, task: Task) -> OwnRubric:
        """The same; one frame of the task is scored to learn the reward id."""
        env = task.make(frames=True)
        try:
            env.reset(seed=0)
            answer = client.score([env.render()], rubric)  # type: ignore[list-item] # an array, with frames
        finally:
            env.close()
        return cls(client, name, rubric, answer.reward_id)
