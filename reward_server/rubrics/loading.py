"""Loads rubrics from YAML files: one file a rubric, named after it.

Not for applying them (``reading/``).
"""

from __future__ import annotations

import re
from pathlib import Path

from reward_client.files.rubric_file import RubricContentError, rubric_of
from reward_client.files.text_file import TextFileError
from reward_client.files.yaml_file import read_yaml
from reward_client.rubric import Rubric

BUILT_IN = Path(__file__).parent
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class RubricFileError(Exception):
    """A rubric file cannot be used; the message names the file, and the line or the field."""


def load_rubrics(own: Path | None = None) -> dict[str, Rubric]:
    """Loads the shipped rubrics, and every ``*.yaml`` file of a folder of one's own.

    Args:
        own: a folder whose rubrics are added; one of the name of a shipped rubric takes its place.

    Returns:
        Rubrics by name, the file's name without its ending.

    Raises:
        RubricFileError: there is no such folder, or a file is not UTF-8 or not YAML, a key stands twice in
            it, its name cannot be one, a field is wrong or it does not say its version.
    """
    folders = [BUILT_IN] if own is None else [BUILT_IN, own.expanduser()]
    rubrics: dict[str, Rubric] = {}
    for folder in folders:
        if not folder.is_dir():
            raise RubricFileError(f"{folder}: there is no such folder of rubrics")
        rubrics |= {path.stem: _load(path) for path in sorted(folder.glob("*.yaml"))}
    return rubrics


def _load(path: Path) -> Rubric:
    if not _NAME.fullmatch(path.stem):
        raise RubricFileError(f"{path}: a rubric's name has letters, digits, '.', '_' and '-' only")
    try:
        content = read_yaml(path)
        if isinstance(content, dict) and "version" not in content:
            raise RubricFileError(f"{path}: version: a rubric file says its version, such as 1")
        return rubric_of(content, str(path))
    except (TextFileError, RubricContentError) as error:
        raise RubricFileError(str(error)) from error
