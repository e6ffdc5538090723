"""What a request asks about its images: its rubrics and ensembles, found and checked against the model.

Not for what fills the places of their prompts (``filling.py``) or for asking (``scorer.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reward_client.errors import InvalidRequestError
from reward_client.requests import ScoreQuestion
from reward_client.rubric import Rubric
from reward_client.wording.ensemble import AnyRubric, Ensemble
from reward_client.wording.prompt_template import places_in
from reward_server.engine.interface import Question
from reward_server.scoring.catalog import Catalog

UNANSWERABLE = frozenset({"rubric_unavailable", "invalid_rubric"})
"""Codes of errors that say what the model cannot be asked. Others say what is wrong with the request."""


@dataclass(frozen=True)
class Questions:
    """What is asked about an image for one rubric.

    Attributes:
        first: what its reward comes from.
        in_text: the same, answered in text, where an explanation is wanted.
    """

    first: Question
    in_text: Question | None

    @property
    def all(self) -> list[Question]:
        """Each question."""
        return [self.first] if self.in_text is None else [self.first, self.in_text]


@dataclass(frozen=True)
class PlannedRubric:
    """One rubric, ready to be asked.

    Attributes:
        questions: for every image; None where the prompt has places, so that each image has its own.
        places: of its prompt.
    """

    rubric: Rubric
    questions: Questions | None
    places: tuple[str, ...]


@dataclass(frozen=True)
class PlannedReward:
    """What one reward of an image comes from.

    Attributes:
        name: that it was asked by; None for the client's own.
        rubrics: one, or those of the ensemble; none where it is unavailable.
        ensemble: makes one reward of several; None for a rubric.
        unavailable: why the model cannot be asked.
    """

    name: str | None
    rubrics: tuple[PlannedRubric, ...]
    ensemble: Ensemble | None = None
    unavailable: str | None = None


def plan(catalog: Catalog, request: ScoreQuestion) -> list[PlannedReward]:
    """Plans the rewards of a request. It may tokenize for a while: call it in a thread.

    Args:
        catalog: the server's rubrics.
        request: what is asked.

    Returns:
        One for each of its rubrics. One of several that the model cannot be asked is there, with the reason.

    Raises:
        InvalidRequestError: an unknown rubric, or the only one cannot be asked.
    """
    if request.rubric is not None:
        return [_planned(catalog, request.rubric, "rubric", explain=request.explain)]
    planned = []
    for place, asked in enumerate(request.rubrics or []):
        try:
            planned.append(_planned(catalog, asked, f"rubrics[{place}]", explain=request.explain))
        except InvalidRequestError as error:
            if error.code not in UNANSWERABLE:
                raise
            name = asked if isinstance(asked, str) else None
            planned.append(PlannedReward(name, (), unavailable=error.message))
    return planned


def places_of(planned: Sequence[PlannedReward]) -> list[str]:
    """The places of all prompts, each once."""
    return list(dict.fromkeys(place for one in planned for rubric in one.rubrics for place in rubric.places))


def _planned(catalog: Catalog, asked: AnyRubric, param: str, *, explain: bool) -> PlannedReward:
    name = asked if isinstance(asked, str) else None
    if not isinstance(asked, Ensemble):
        return PlannedReward(name, (_rubric(catalog, asked, param, explain=explain),))
    rubrics = (
        _rubric(catalog, one, f"{param}.mean_of[{place}]", explain=explain)
        for place, one in enumerate(asked.mean_of)
    )
    return PlannedReward(name, tuple(rubrics), asked)


def _rubric(catalog: Catalog, asked: str | Rubric, param: str, *, explain: bool) -> PlannedRubric:
    rubric, question = catalog.resolve(asked, param)
    in_text = catalog.in_text(rubric) if explain else None
    places = places_in(rubric.prompt)
    return PlannedRubric(rubric, None if places else Questions(question, in_text), places)
