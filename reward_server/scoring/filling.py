"""Fills the places of prompts with each image's variables, and says what is wrong with which.

Not for what a place is (``reward_client/wording/prompt_template.py``) or for asking (``scorer.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reward_client.errors import InvalidRequestError
from reward_client.rubric import Rubric
from reward_client.wording.prompt_template import filled
from reward_client.wording.variables import names_differ, trouble_with
from reward_server.engine.interface import QuestionError
from reward_server.scoring.catalog import Catalog
from reward_server.scoring.plan import PlannedRubric, Questions


class VariableError(Exception):
    """One image's variables cannot be asked; the message names the value."""


def check_variables(
    places: Sequence[str], variables: Sequence[Mapping[str, str]] | None, images: int
) -> None:
    """Checks that each image has a value for each place.

    Args:
        places: of all prompts of the request.
        variables: of the request.
        images: how many it has.

    Raises:
        InvalidRequestError: there are none though they are needed, some though they are not, not as many as
            images, or a name is missing or unknown.
    """
    if variables is None:
        if not places:
            return
        raise _refused(
            f"the prompt has places for {', '.join(places)}: send one mapping for each image", "missing"
        )
    if not places:
        raise _refused("no prompt of this request has a place for them, such as {text}", "unused_variables")
    if len(variables) != images:
        raise _refused(f"there are {len(variables)} for {images} images", "variables_and_images_differ")
    for index, values in enumerate(variables):
        if differing := names_differ(places, values):
            name, trouble = differing
            raise InvalidRequestError(
                f"variables[{index}].{name} {trouble}", param=f"variables[{index}].{name}", code="wrong_names"
            )


def questions_about(
    catalog: Catalog, planned: PlannedRubric, values: Mapping[str, str], index: int, *, explain: bool
) -> Questions:
    """The questions about one image. It tokenizes: call it in a thread.

    Args:
        catalog: makes questions.
        planned: the rubric.
        values: of the image, for the rubric's places and those of others.
        index: of the image, for messages.
        explain: whether the answer is also wanted in text.

    Raises:
        VariableError: a value cannot be put into the prompt, or makes one that the model cannot be asked.
    """
    own = {name: values[name] for name in planned.places}
    for name, value in own.items():
        if trouble := trouble_with(value):
            raise VariableError(f"variables[{index}].{name}: {trouble}")
    if not filled(planned.rubric.prompt, own).strip():
        raise VariableError(f"variables[{index}]: with it the prompt is blank")
    try:
        return _questions(catalog, planned.rubric, own, explain=explain)
    except (QuestionError, InvalidRequestError) as error:
        blamed = _blamed(catalog, planned.rubric, own, explain=explain)
        where = f"variables[{index}]" + (f".{blamed}" if blamed else "")
        raise VariableError(f"{where}: with it the model cannot be asked: {error}") from error


def _questions(catalog: Catalog, rubric: Rubric, values: Mapping[str, str], *, explain: bool) -> Questions:
    prompt = filled(rubric.prompt, values)
    return Questions(catalog.question(rubric, prompt), catalog.in_text(rubric, prompt) if explain else None)


def _blamed(catalog: Catalog, rubric: Rubric, values: Mapping[str, str], *, explain: bool) -> str | None:
    """The value that alone is at fault, with the others left out; None where it takes several."""
    for name in values:
        try:
            _questions(catalog, rubric, {**dict.fromkeys(values, "-"), name: values[name]}, explain=explain)
        except (QuestionError, InvalidRequestError):
            return name
    return None


def _refused(message: str, code: str) -> InvalidRequestError:
    return InvalidRequestError(message, param="variables", code=code)
