"""What is asked about one image, and the items that come of it: one for each rubric of the request.

Not for the response (``scorer.py``) or for what an answer means (``reading/``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reward_client.rubric import Rubric
from reward_client.schema import ItemStatus, RewardItem
from reward_server.engine.interface import Answer, EngineAnswerError, Question
from reward_server.images.prepare import PreparedImage
from reward_server.reading.ensemble import ensemble_item
from reward_server.reading.score_item import reward_item, unscored
from reward_server.scoring.answer_cache import AskedImages
from reward_server.scoring.batch import Asker
from reward_server.scoring.catalog import Catalog
from reward_server.scoring.filling import VariableError, questions_about
from reward_server.scoring.plan import PlannedReward, PlannedRubric, Questions


@dataclass(frozen=True)
class ScoreImage:
    """Asks about one image for each reward that is planned (``batch.ItemWork``).

    Args:
        catalog: makes questions.
        planned: the rewards.
        variables: of each image; None where no prompt has a place.
        explain: whether answers are also wanted in text.
    """

    catalog: Catalog
    planned: Sequence[PlannedReward]
    variables: Sequence[Mapping[str, str]] | None
    explain: bool
    image_names = ("",)

    async def answer(self, index: int, images: Sequence[PreparedImage], asker: Asker) -> list[RewardItem]:
        """One item for each reward."""
        rubrics = [rubric for one in self.planned for rubric in one.rubrics]
        if any(rubric.places for rubric in rubrics):  # then there is something to tokenize
            asked = await asyncio.to_thread(lambda: [self._questions(rubric, index) for rubric in rubrics])
        else:
            asked = [self._questions(rubric, index) for rubric in rubrics]
        questions = [q for one in asked if isinstance(one, Questions) for q in one.all]
        answers = await _answers(asker, AskedImages(images), questions)
        items = iter(
            _item(index, rubric.rubric, one, answers) for rubric, one in zip(rubrics, asked, strict=True)
        )
        return [_reward(index, one, [next(items) for _ in one.rubrics]) for one in self.planned]

    def refused(self, index: int, status: ItemStatus, message: str) -> list[RewardItem]:
        """The same for an image that cannot be asked about."""
        none = unscored(index, status, message)
        return [_reward(index, one, [none] * len(one.rubrics)) for one in self.planned]

    def _questions(self, rubric: PlannedRubric, index: int) -> Questions | VariableError:
        if rubric.questions is not None or self.variables is None:
            return rubric.questions or VariableError("there are no variables")
        try:
            return questions_about(self.catalog, rubric, self.variables[index], index, explain=self.explain)
        except VariableError as error:
            return error


def _item(
    index: int,
    rubric: Rubric,
    asked: Questions | VariableError,
    answers: Mapping[bytes, Answer | EngineAnswerError],
) -> RewardItem:
    """The item of one rubric about one image."""
    if isinstance(asked, VariableError):
        return unscored(index, ItemStatus.INVALID_FRAME, str(asked))
    given = list[Answer]()
    for question in asked.all:
        answer = answers[question.digest]
        if isinstance(answer, EngineAnswerError):
            return unscored(index, ItemStatus.FAILED, str(answer))
        given.append(answer)
    return reward_item(index, rubric, given[0], given[1] if len(given) > 1 else None)


def _reward(index: int, planned: PlannedReward, readings: Sequence[RewardItem]) -> RewardItem:
    if planned.unavailable is not None:
        return unscored(index, ItemStatus.FAILED, f"the model cannot be asked: {planned.unavailable}")
    return readings[0] if planned.ensemble is None else ensemble_item(index, planned.ensemble, readings)


async def _answers(
    asker: Asker, asked: AskedImages, questions: Sequence[Question]
) -> dict[bytes, Answer | EngineAnswerError]:
    """The answers by their questions' digests, each asked once. A failed one costs the others nothing."""
    once = {question.digest: question for question in questions}
    asking = (_answer_or_failure(asker, asked, question) for question in once.values())
    return dict(zip(once, await asyncio.gather(*asking), strict=True))


async def _answer_or_failure(
    asker: Asker, asked: AskedImages, question: Question
) -> Answer | EngineAnswerError:
    try:
        return await asker.ask(asked, question)
    except EngineAnswerError as error:
        return error
