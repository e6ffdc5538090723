"""Loads rubrics from YAML files: one file a rubric, named after it.

Not for applying them (``readouts.py``, ``reward_maps.py``).
"""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import ValidationError

from reward_client.schema import Rubric

BUILT_IN = Path(__file__).parent / "rubrics"


class RubricFileError(Exception):
    """A rubric file cannot be used; the message names the file and the field."""


def load_rubrics(folder: Path = BUILT_IN) -> dict[str, Rubric]:
    """Loads every ``*.yaml`` file of a folder.

    Args:
        folder: where the files lie.

    Returns:
        Rubrics by name, the file's name without its ending.

    Raises:
        RubricFileError: a file is not YAML, or a field is wrong.
    """
    return {path.stem: _load(path) for path in sorted(folder.glob("*.yaml"))}


def _load(path: Path) -> Rubric:
    try:
        return Rubric.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise RubricFileError(f"{path}: not valid YAML: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "rubric"
        raise RubricFileError(f"{path}: {field}: {first['msg']}") from error
