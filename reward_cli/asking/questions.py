"""Turns a user's words and options into rubrics: the server's, a file's, or one made from a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reward_cli.parsing import did_you_mean
from reward_client import RewardClient, Rubric
from reward_client.errors import NotFoundError
from reward_client.files.rubric_file import RUBRIC_FILES, RubricContentError, read_rubric, rubric_of
from reward_client.files.text_file import TextFileError
from reward_client.rubric import AffineMap, DistanceMap, ProbabilityMap, WeightsMap


class QuestionError(Exception):
    """A question cannot be asked; the message names the option, the file or the field."""


@dataclass(frozen=True)
class Question:
    """What is asked about each picture.

    Attributes:
        title: what answers stand under: the user's words, or the rubric's name.
        asked: what goes with the request: the name of a rubric of the server, or a whole rubric.
        rubric: the whole rubric.
        is_own: whether the readout and the reward come from our options alone, and not from a rubric.
    """

    title: str
    asked: str | Rubric
    rubric: Rubric
    is_own: bool = False


def own_question(words: str, labels: Sequence[str] | None, *, number: bool) -> Question:
    """A question of one's own as an inline rubric.

    How to answer is added where the question does not say it itself: a model that is not told answers in a
    sentence, and its labels get no probability.

    Args:
        words: the question.
        labels: to choose from; the reward is the probability of the first one. None: yes or no.
        number: the answer is a number in text, and the reward is that number.

    Raises:
        QuestionError: a rubric cannot hold it.

    >>> own_question("Is it upright?", None, number=False).rubric.prompt
    'Is it upright? Answer yes or no.'
    >>> own_question("Left or right?", ["Left", "Right"], number=False).rubric.prompt
    'Left or right?'
    """
    content: dict[str, Any]
    if number:
        told, how = "number" in words.lower(), "Answer with a number only."
        content = {"readout": {"type": "number"}, "reward": {"type": "affine", "scale": 1}}
    elif labels is not None:
        told = all(label.lower() in words.lower() for label in labels)
        how = f"Answer {', '.join(labels[:-1])} or {labels[-1]}."
        content = {
            "readout": {"type": "choice", "labels": list(labels)},
            "reward": {"type": "weights", "weights": {label: int(label == labels[0]) for label in labels}},
        }
    else:
        told, how = "yes or no" in words.lower(), "Answer yes or no."
        content = {"readout": {"type": "yes_no"}, "reward": {"type": "probability"}, "unit": "probability"}
    rubric = _own({"prompt": words if told else f"{words} {how}", **content})
    return Question(words, rubric, rubric, is_own=True)


def rubric_questions(name: str, words: Sequence[str], client: RewardClient) -> list[Question]:
    """A rubric's own question, or the user's words in its place.

    Args:
        name: of a rubric of the server, or a YAML or JSON file.
        words: questions; none: the rubric's own.
        client: of the server.

    Raises:
        QuestionError: there is no such rubric or file, or it is not valid.
        RewardServiceError: the server failed.
    """
    asked: str | Rubric = name
    if Path(name).suffix in RUBRIC_FILES:
        asked = rubric = _from_file(Path(name))
    else:
        rubric = _of_server(name, client)
    if not words:
        return [Question(f"{name}: {rubric.prompt}", asked, rubric)]
    own = [_own({**rubric.model_dump(), "prompt": text}) for text in words]
    return [Question(f"{name}: {one.prompt}", one, one) for one in own]


def reward_in_words(question: Question) -> str:
    """How a question's answer becomes its reward, in a few words."""
    rubric, reward = question.rubric, question.rubric.reward
    match reward:
        case ProbabilityMap():
            told = f"P({rubric.readout.labels[0]}) among the labels"
        case WeightsMap() if question.is_own:
            told = f"P({rubric.readout.labels[0]}), the first label's"
        case WeightsMap():
            weights = ", ".join(f"{label} {weight:g}" for label, weight in reward.weights.items())
            told = f"the sum of the probabilities times their weights: {weights}"
        case AffineMap() if question.is_own:
            told = "the number itself"
        case AffineMap():
            told = f"{reward.scale:g} times the value, plus {reward.offset:g}"
        case DistanceMap(shape="gaussian"):
            told = f"1 at {reward.target:g}, less by a bell curve of deviation {reward.tolerance:g}"
        case DistanceMap():
            told = f"1 at {reward.target:g}, 0 from {reward.tolerance:g} away ({reward.shape})"
    return told


def _of_server(name: str, client: RewardClient) -> Rubric:
    try:
        return client.rubric(name).rubric
    except NotFoundError as error:
        known = sorted(client.info().rubrics)
        raise QuestionError(
            f"--rubric: the server has no rubric {name!r}{did_you_mean(name, known)}; "
            f"it has {', '.join(known)}"
        ) from error


def _from_file(path: Path) -> Rubric:
    try:
        return read_rubric(path)
    except TextFileError as error:
        raise QuestionError(f"--rubric: {error}") from error
    except RubricContentError as error:
        raise QuestionError(str(error)) from error


def _own(content: object) -> Rubric:
    try:
        return rubric_of(content, "the question")
    except RubricContentError as error:
        raise QuestionError(str(error)) from error
