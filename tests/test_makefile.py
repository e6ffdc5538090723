"""What make says before it sets anything up."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.paths import ROOT

NEEDED = (
    "Makefile",
    "pyproject.toml",
    "agent/pyproject.toml",
    "tiny_llava/pyproject.toml",
    "requirements/cpu.txt",
)
"""What make looks at before it sets anything up."""


@pytest.mark.parametrize("name", ["a clone", "tab\tbed", " leads"])
@pytest.mark.parametrize("through_a_link", [False, True])
def test_a_folder_with_a_space_is_refused_at_once(tmp_path: Path, name: str, through_a_link: bool) -> None:
    folder = tmp_path / name
    for file in NEEDED:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, folder / file)
    if through_a_link:  # the environment's interpreter resolves it
        folder = tmp_path / "link"
        folder.symlink_to(tmp_path / name)
    environment = {**os.environ, "PWD": str(folder)}
    command = ["make", "demo"]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert "make: the path of this folder holds a space" in done.stdout
    assert not (folder / ".venv").exists()
