"""Which code a run is of: the package's version, and the commit that holds the files that run.

Not for the model (the server's ``/info`` says it) or for the options (``agent/config.py``).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from reward_client.version import __version__

GIT_TIMEOUT_S = 10.0

_PACKAGES = Path(__file__).parents[2]
_DISTRIBUTION = "vlm-reward"


def code_origin(packages: Path = _PACKAGES) -> dict[str, Any]:
    """Where the code comes from.

    Args:
        packages: the folder that holds it.

    Returns:
        ``version`` of the package; ``git_commit``, where the folder is the root of a checkout of this
        project and that commit holds the code, else None: the commit of a repository that only lies around
        the code says nothing about it; ``git_changed``, whether the code differs from that commit.
    """
    if _is_this_project(packages):
        with suppress(OSError, ValueError, subprocess.SubprocessError):  # no git, or one that refuses
            # This fails where the commit does not hold the code.
            where = _git(packages, "rev-parse", "--show-prefix", "HEAD", "HEAD:./agent/__init__.py")
            inside, commit, _ = where.split("\n")[:3]
            if not inside:
                status = ("status", "--porcelain", "--untracked-files=normal", "--", *_running(packages))
                changes = _git(packages, "--no-optional-locks", *status)
                return {"version": __version__, "git_commit": commit, "git_changed": bool(changes)}
    return {"version": __version__, "git_commit": None, "git_changed": None}


def described(origin: Mapping[str, Any]) -> str:
    """An origin in words.

    >>> described({"version": "0.1.0", "git_commit": "1f9c", "git_changed": True})
    '0.1.0, commit 1f9c with changes'
    """
    commit = origin.get("git_commit") and f"commit {origin['git_commit']}"
    if commit and origin.get("git_changed"):
        commit += " with changes"
    return ", ".join(filter(None, (origin.get("version"), commit))) or "unknown"


def origins(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """All code that a run had: that of its begin, and what it went on with, from its ``config.json``."""
    return [config, *config.get("resumed", [])]


def _is_this_project(folder: Path) -> bool:
    try:
        content = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # an installed package has none beside it
        return False
    project = content.get("project")
    return isinstance(project, dict) and project.get("name") == _DISTRIBUTION


def _running(packages: Path) -> list[str]:
    """The packages of a folder that this process has imported."""
    imported = {name.partition(".")[0] for name in sys.modules}
    return sorted(path.parent.name for path in packages.glob("*/__init__.py") if path.parent.name in imported)


def _git(folder: Path, *arguments: str) -> str:
    """What git says about a folder, not about a repository that the environment names (in a hook, say)."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *arguments],  # noqa: S607 - wherever git is installed
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=True,
        timeout=GIT_TIMEOUT_S,
    )
    return done.stdout
