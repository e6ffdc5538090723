"""A rubric from what a user wrote, with an error that names where it is wrong.

Not for what a rubric may hold (``rubric.py``), nor for which name a rubric has.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from reward_client.files.yaml_file import read_yaml
from reward_client.rubric import Rubric
from reward_client.wording.given_rubric import RubricContentError as RubricContentError  # noqa: PLC0414 - raised here
from reward_client.wording.given_rubric import content_error

RUBRIC_FILES = frozenset({".yaml", ".yml", ".json"})
"""Endings by which an option that takes a name or a file knows a file."""


def rubric_of(content: object, source: str) -> Rubric:
    """A rubric with this content.

    Args:
        content: of a file, or put together from options.
        source: what messages call it.

    Raises:
        RubricContentError: a field is missing, unknown or wrong.
    """
    try:
        return Rubric.model_validate(content)
    except ValidationError as error:
        wrong = content_error(error, ())
        raise RubricContentError(f"{source}: {wrong}", param=wrong.param) from error


def read_rubric(path: Path) -> Rubric:
    """Reads a rubric from a YAML or JSON file.

    Raises:
        TextFileError: the file cannot be read, or is not YAML.
        RubricContentError: it holds no rubric.
    """
    return rubric_of(read_yaml(path), str(path))
