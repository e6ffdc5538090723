"""The rubrics that this server and this model can answer, and the question that each of them asks.

Not for asking (``scorer.py``) or for reading files (``rubrics/loading.py``).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

from reward_client.errors import InvalidRequestError, NotFoundError
from reward_client.rubric import Preprocess, Rubric
from reward_client.schema import RewardBounds, RubricDetail, RubricEntry, RubricInfo, RubricList
from reward_client.wording.prompt_template import unfilled
from reward_client.wording.reward_bounds import bounds_of
from reward_server.engine.interface import Engine, Question, QuestionError
from reward_server.reading.comparison import ComparisonQuestion, comparison_question
from reward_server.scoring.reward_id import reward_id

log = logging.getLogger(__name__)

EXPLAIN_MAX_TOKENS = 64
"""Length of an explanation of label probabilities."""

DEFAULT_MIN_LABEL_MASS = 0.5
"""For comparisons of a rubric whose own readout has no labels."""


class Catalog:
    """Rubrics by name, checked against the model at start-up.

    Args:
        engine: a ready engine.
        rubrics: the server's rubrics by name.
    """

    def __init__(self, engine: Engine, rubrics: Mapping[str, Rubric]) -> None:
        self._engine, self._rubrics = engine, rubrics
        self._unavailable: dict[str, str] = {}
        # Kept here: the engine keeps only the last few, and each caption that fills a prompt is one.
        self._questions: dict[str, Question] = {}
        for name, rubric in rubrics.items():
            try:
                self._questions[name] = self.question(rubric)
            except QuestionError as error:
                self._unavailable[name] = f"{error.field}: {error}"
                log.warning("rubric %s is not available with this model: %s: %s", name, error.field, error)

    def available(self) -> list[Rubric]:
        """The rubrics that this model can answer."""
        return [rubric for name, rubric in self._rubrics.items() if name not in self._unavailable]

    def question(self, rubric: Rubric, prompt: str | None = None) -> Question:
        """A rubric's question in the model's format.

        Args:
            rubric: its labels and the length of its answer are the question's.
            prompt: the rubric's with its places filled; None: as it is shown.

        Raises:
            QuestionError: the model cannot be asked it.
        """
        asked = unfilled(rubric.prompt) if prompt is None else prompt
        return self._engine.question(asked, rubric.readout.labels, max_tokens=rubric.readout.max_tokens)

    def in_text(self, rubric: Rubric, prompt: str | None = None) -> Question:
        """The same question, answered in text; the rubric's own where that is its answer.

        Args:
            rubric: as for ``question``.
            prompt: likewise.

        Raises:
            InvalidRequestError: there is no room for an answer in text.
        """
        question = self.question(rubric, prompt)
        if question.labels is None:
            return question
        asked = unfilled(rubric.prompt) if prompt is None else prompt
        try:
            return self._engine.question(asked, (), max_tokens=EXPLAIN_MAX_TOKENS)
        except QuestionError as error:
            raise InvalidRequestError(str(error), param="explain", code="prompt_too_long") from error

    def resolve(self, asked: str | Rubric, param: str = "rubric") -> tuple[Rubric, Question]:
        """The rubric of a request, by name or inline.

        Args:
            asked: what the request names.
            param: where it does.

        Raises:
            InvalidRequestError: an unknown rubric, or one that the model cannot answer.
        """
        if isinstance(asked, str):
            return self._resolve_named(asked, param)
        try:
            return asked, self.question(asked)
        except QuestionError as error:
            is_yes_no = asked.readout.type == "yes_no"
            field = "readout" if is_yes_no and error.field != "prompt" else error.field
            raise InvalidRequestError(str(error), param=f"{param}.{field}", code="invalid_rubric") from error

    def _resolve_named(self, name: str, param: str) -> tuple[Rubric, Question]:
        rubric = self._named(name, param)
        if name in self._unavailable:
            raise InvalidRequestError(
                f"the rubric {name!r} is not available with this model: {self._unavailable[name]}",
                param=param,
                code="rubric_unavailable",
            )
        return rubric, self._questions[name]

    def resolve_comparison(self, asked: str | Rubric) -> tuple[ComparisonQuestion, Question]:
        """What is asked about a pair for the rubric of a request.

        Raises:
            InvalidRequestError: an unknown rubric, one without a goal, or a model that cannot be asked.
        """
        rubric = self._named(asked) if isinstance(asked, str) else asked
        param = "rubric" if isinstance(asked, str) else "rubric.goal"
        comparison = self._comparison(rubric)
        if comparison is None:
            raise InvalidRequestError("the rubric has no goal to compare by", param=param, code="no_goal")
        try:
            return comparison, self._ask_comparison(comparison)
        except QuestionError as error:
            message = f"the comparison cannot be asked: {error}"
            raise InvalidRequestError(message, param=param, code="invalid_goal") from error

    def infos(self) -> dict[str, RubricInfo]:
        """Reward id of each rubric, or why it is unavailable."""
        return {name: self._info(name) for name in self._rubrics}

    def entries(self) -> RubricList:
        """What ``GET /rubrics`` answers."""
        return RubricList(data=[RubricEntry(**self._entry(name)) for name in self._rubrics])

    def detail(self, name: str) -> RubricDetail:
        """What ``GET /rubrics/{name}`` answers.

        Raises:
            NotFoundError: there is no such rubric.
        """
        if name not in self._rubrics:
            raise NotFoundError(self._unknown(name), param="name", code="unknown_rubric")
        rubric = self._rubrics[name]
        question = self._questions.get(name)
        comparison = self._comparison(rubric)
        try:
            compared = self._ask_comparison(comparison).prompt if comparison else None
        except QuestionError:
            compared = None
        return RubricDetail(
            **self._entry(name),
            rubric=rubric,
            prompt=question.prompt if question else None,
            compare_prompt=compared,
            prompt_tokens=question.prompt_tokens if question else None,
            forward_passes=len(question.labels.passes) if question and question.labels else None,
        )

    def _entry(self, name: str) -> dict[str, Any]:
        rubric = self._rubrics[name]
        low, high = bounds_of(rubric)
        return {
            "name": name,
            "version": rubric.version,
            "readout": rubric.readout.type,
            "unit": rubric.unit,
            "goal": rubric.goal,
            "reward_bounds": RewardBounds(
                low=low if math.isfinite(low) else None, high=high if math.isfinite(high) else None
            ),
            **self._info(name).model_dump(),
        }

    def _info(self, name: str) -> RubricInfo:
        if name in self._unavailable:
            return RubricInfo(reward_id=None, unavailable=self._unavailable[name])
        return RubricInfo(reward_id=reward_id(self._engine.info, self._rubrics[name], Preprocess.PAD))

    def _named(self, name: str, param: str = "rubric") -> Rubric:
        if name not in self._rubrics:
            raise InvalidRequestError(self._unknown(name), param=param, code="unknown_rubric")
        return self._rubrics[name]

    def _unknown(self, name: str) -> str:
        return f"unknown rubric {name[:80]!r}; this server has: {', '.join(self._rubrics)}"

    def _comparison(self, rubric: Rubric) -> ComparisonQuestion | None:
        if rubric.goal is None:
            return None
        mass = getattr(rubric.readout, "min_label_mass", DEFAULT_MIN_LABEL_MASS)
        return comparison_question(rubric.goal, self._engine.info.images_per_prompt, mass)

    def _ask_comparison(self, comparison: ComparisonQuestion) -> Question:
        images = 1 if comparison.composed else 2
        return self._engine.question(comparison.prompt, comparison.readout.labels, images=images)
