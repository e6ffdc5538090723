"""Builds the distributions from a copy of the tree, with this environment's setuptools."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from tests.paths import ROOT

FOLDERS = (".", "agent", "tiny_llava")
"""Where the distributions' pyproject.toml files are."""

ROOMS = sorted(path.name for path in ROOT.iterdir() if path.name.startswith("reward_") and path.is_dir())

_BUILD = "import sys, setuptools.build_meta as backend; getattr(backend, f'build_{sys.argv[1]}')(sys.argv[2])"


def copy_tree(folder: Path) -> Path:
    """Copies what the distributions are made of, and the tests, which must not get into one."""
    files = ("pyproject.toml", "MANIFEST.in", "README.md", "CHANGELOG.md", "LICENSE")
    for name in (*files, *ROOMS, "agent", "tiny_llava", "tests"):
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, folder / name)
        else:
            left = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
            shutil.copytree(ROOT / name, folder / name, ignore=left)
    return folder


def build(kind: str, source: Path, target: Path) -> Path:
    """Builds one file.

    Args:
        kind: ``wheel`` or ``sdist``.
        source: the folder of a pyproject.toml.
        target: an empty folder for the file.
    """
    target.mkdir(parents=True)
    command = [sys.executable, "-c", _BUILD, kind, str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = target.iterdir()
    return built


def unpack(sdist: Path, folder: Path) -> Path:
    """Unpacks an sdist and returns its one folder."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (inside,) = folder.iterdir()
    return inside


def names(wheel: Path) -> set[str]:
    """The files in a wheel, without its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}
