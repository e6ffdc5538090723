"""Writes and reads the state of a run in one file, whole or not at all. No pickle is involved.

A state is a nested dictionary of arrays and of what JSON can hold. Not for what is in it (``run_state.py``).
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

_ARRAY = "__array__"


class CheckpointError(Exception):
    """A checkpoint cannot be read, or is of another run; the message says which."""


def save(path: Path, state: dict[str, Any]) -> None:
    """Writes a state; a reader sees the old file or the new one, after a crash too.

    Args:
        path: file to replace; its folder is made.
        state: nested dictionaries and lists, with arrays, numbers, texts and None.
    """
    arrays: dict[str, Any] = {}

    def without_arrays(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            name = f"array-{len(arrays)}"
            arrays[name] = value
            return {_ARRAY: name}
        if isinstance(value, dict):
            return {key: without_arrays(item) for key, item in value.items()}
        if isinstance(value, list):
            return [without_arrays(item) for item in value]
        return value

    tree = json.dumps(without_arrays(state))
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, tree=np.array(tree), **arrays)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(buffer.getbuffer())
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def load(path: Path) -> dict[str, Any]:
    """Reads what ``save`` wrote.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """

    def with_arrays(value: Any) -> Any:
        if isinstance(value, dict):
            if set(value) == {_ARRAY}:
                return file[value[_ARRAY]]
            return {key: with_arrays(item) for key, item in value.items()}
        if isinstance(value, list):
            return [with_arrays(item) for item in value]
        return value

    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            state: dict[str, Any] = with_arrays(json.loads(str(file["tree"])))
    except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    return state
