"""A run names a commit only where that commit holds the code that ran."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.config import TrainConfig
from agent.recording import provenance
from agent.recording.provenance import code_origin, described
from agent.recording.recorder import Recorder
from reward_client.version import __version__
from reward_tasks.cartpole import CartPole
from tests.paths import ROOT

pytestmark = pytest.mark.slow

FILES = {
    "pyproject.toml": '[project]\nname = "vlm-reward"\n',
    "README.md": "words\n",
    "agent/__init__.py": "",
    "agent/config.py": "x = 1\n",
    "reward_client/__init__.py": "",
}
IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always")


@pytest.fixture(autouse=True)
def own_settings_of_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *IDENTITY, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def put(folder: Path, files: Mapping[str, str] = FILES) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def committed(folder: Path, *names: str) -> Path:
    """Makes a repository of what is in a folder, or of some of it."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet")
    git(folder, "add", *(names or ["--all"]))
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "m")
    return folder


def somebody_elses(folder: Path, **files: str) -> Path:
    return committed(put(folder, {"theirs.py": "", **files}))


UNKNOWN = {"version": __version__, "git_commit": None, "git_changed": None}


def test_a_checkout_names_its_commit_and_whether_its_code_was_changed(tmp_path: Path) -> None:
    root = committed(put(tmp_path / "ours"))
    commit = git(root, "rev-parse", "HEAD")
    assert code_origin(root) == {"version": __version__, "git_commit": commit, "git_changed": False}
    (root / "README.md").write_text("other words\n")
    (root / "notes.txt").touch()
    put(root, {"somewhere_else/__init__.py": ""})
    assert code_origin(root)["git_changed"] is False  # none of them runs
    (root / "agent/new.py").touch()
    assert code_origin(root)["git_changed"] is True
    (root / "agent/new.py").unlink()
    (root / "agent/config.py").write_text("x = 2\n")
    assert code_origin(root)["git_changed"] is True
    git(root, "add", "--all")
    assert code_origin(root)["git_changed"] is True


def test_hidden_untracked_files_count_as_a_change_too(tmp_path: Path) -> None:
    root = committed(put(tmp_path / "ours"))
    git(root, "config", "status.showUntrackedFiles", "no")
    (root / "agent/new.py").touch()
    assert code_origin(root)["git_changed"] is True


@pytest.mark.parametrize("ignored", [True, False])
def test_an_environment_inside_another_repository_has_no_commit(tmp_path: Path, ignored: bool) -> None:
    theirs = somebody_elses(tmp_path / "theirs", **({".gitignore": ".venv\n"} if ignored else {}))
    assert code_origin(put(theirs / ".venv/lib/site-packages")) == UNKNOWN


@pytest.mark.parametrize("place", [".venv/lib/site-packages", "third_party/vlm-reward", "vlm-reward"])
def test_a_copy_that_another_project_committed_has_no_commit_of_ours(tmp_path: Path, place: str) -> None:
    put(tmp_path / "theirs" / place)
    assert code_origin(somebody_elses(tmp_path / "theirs") / place) == UNKNOWN


@pytest.mark.parametrize("project", [None, '[project]\nname = "theirs"\n', "[project", "x = 1\n"])
def test_packages_in_the_root_of_another_project_have_no_commit_of_ours(
    tmp_path: Path, project: str | None
) -> None:
    root = put(tmp_path / "theirs")
    (root / "pyproject.toml").unlink()
    if project is not None:
        (root / "pyproject.toml").write_text(project)
    assert code_origin(committed(root)) == UNKNOWN


def test_code_that_the_commit_does_not_hold_is_not_of_it(tmp_path: Path) -> None:
    root = committed(put(tmp_path / "ours"), "README.md")
    assert code_origin(root) == UNKNOWN
    git(root, "add", "--all")
    assert code_origin(root) == UNKNOWN  # staged, and in no commit


def test_a_repository_without_a_commit_has_none(tmp_path: Path) -> None:
    root = put(tmp_path / "ours")
    git(root, "init", "--quiet")
    assert code_origin(root) == UNKNOWN


def test_a_folder_in_no_repository_has_none(tmp_path: Path) -> None:
    assert code_origin(put(tmp_path / "ours")) == UNKNOWN
    assert code_origin(tmp_path / "archive.zip") == UNKNOWN


def test_a_worktree_names_its_own_commit(tmp_path: Path) -> None:
    root = committed(put(tmp_path / "ours"))
    git(root, "worktree", "add", "--quiet", "-b", "other", str(tmp_path / "tree"))
    put(tmp_path / "tree", {"agent/config.py": "x = 3\n"})
    git(tmp_path / "tree", "commit", "--quiet", "--all", "--message", "other")
    commit = git(tmp_path / "tree", "rev-parse", "HEAD")
    assert commit != git(root, "rev-parse", "HEAD")
    assert code_origin(tmp_path / "tree")["git_commit"] == commit


def test_a_submodule_names_its_own_commit_and_not_that_of_the_repository_around_it(tmp_path: Path) -> None:
    root = committed(put(tmp_path / "ours"))
    theirs = somebody_elses(tmp_path / "theirs")
    git(theirs, "submodule", "--quiet", "add", str(root), "vlm-reward")
    git(theirs, "commit", "--quiet", "--message", "submodule")
    assert code_origin(theirs / "vlm-reward")["git_commit"] == git(root, "rev-parse", "HEAD")


@pytest.mark.parametrize("installed", [True, False])
@pytest.mark.parametrize(
    "variables",
    [
        {"GIT_DIR": ".git"},
        {"GIT_DIR": ".git", "GIT_WORK_TREE": "."},
        {"GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/index"},
        {"GIT_INDEX_FILE": ".git/no-index"},
        {"GIT_OBJECT_DIRECTORY": ".git/objects"},
        {"GIT_COMMON_DIR": ".git"},
    ],
)
def test_a_git_that_runs_us_does_not_lend_us_its_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], installed: bool
) -> None:
    theirs = somebody_elses(tmp_path / "theirs")
    root = put(tmp_path / "ours")
    if not installed:
        committed(root)
    expected = UNKNOWN if installed else code_origin(root)
    for name, value in variables.items():
        monkeypatch.setenv(name, str(theirs / value))
    monkeypatch.chdir(theirs)
    assert code_origin(root) == expected
    assert installed or expected["git_commit"] is not None


def test_a_repository_of_another_user_is_not_asked(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    root = committed(put(tmp_path / "ours"))
    for path in (root, root / ".git"):
        os.chown(path, 65534, 65534)
    assert code_origin(root) == UNKNOWN


@pytest.mark.parametrize("script", [None, "sleep 20", "echo 1; echo 2", "exit 3"])
def test_without_a_git_that_answers_there_is_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None
) -> None:
    root = committed(put(tmp_path / "ours"))
    (tmp_path / "bin").mkdir()
    if script is not None:
        program = tmp_path / "bin/git"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin" if script else str(tmp_path / "bin"))
    monkeypatch.setattr(provenance, "GIT_TIMEOUT_S", 0.5)
    started = time.monotonic()
    assert code_origin(root) == UNKNOWN
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        ({"version": "0.1.0", "git_commit": "abc", "git_changed": False}, "0.1.0, commit abc"),
        ({"version": "0.1.0", "git_commit": "abc", "git_changed": True}, "0.1.0, commit abc with changes"),
        ({"version": "0.1.0", "git_commit": None, "git_changed": None}, "0.1.0"),
        ({"git_commit": "abc"}, "commit abc"),  # of a run before there was a version
        ({"git_commit": None}, "unknown"),
    ],
)
def test_an_origin_is_said_in_words(origin: dict[str, Any], words: str) -> None:
    assert described(origin) == words


def test_a_run_that_goes_on_with_other_code_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def recorded(commit: str, step: int | None) -> dict[str, Any]:
        origin = {"version": "1", "git_commit": commit, "git_changed": False}
        monkeypatch.setattr("agent.recording.recorder.code_origin", lambda: origin)
        logs = {"metrics.jsonl": 0, "labels.jsonl": 0}
        samples = {"failed": 0, "bytes": 0, "strata": []}
        resumed = None if step is None else {"logs": logs, "step": step, "samples": samples}
        Recorder(TrainConfig(runs=tmp_path, name="r"), CartPole(), None, "cartpole-angle", resumed).finish({})
        config: dict[str, Any] = json.loads((tmp_path / "r/config.json").read_text())
        return config

    first = recorded("a", None)
    assert (first["version"], first["git_commit"], first["git_changed"]) == ("1", "a", False)
    assert recorded("a", 64) == first
    changed = {"version": "1", "git_commit": "b", "git_changed": False}
    assert recorded("b", 128) == {**first, "resumed": [{"step": 128, **changed}]}
    assert recorded("b", 192)["resumed"] == [{"step": 128, **changed}]
    assert [entry["git_commit"] for entry in recorded("a", 256)["resumed"]] == ["b", "a"]
    assert "resumed" not in recorded("a", None)


@pytest.mark.slow
def test_a_run_of_a_copy_in_another_repository_records_the_version_alone(tmp_path: Path) -> None:
    theirs = somebody_elses(tmp_path / "theirs")
    place = theirs / ".venv/lib/site-packages"
    for room in ROOT.glob("*/__init__.py"):
        shutil.copytree(room.parent, place / room.parent.name)
    code = """
from agent.config import TrainConfig
from agent.recording.recorder import Recorder
from reward_tasks.cartpole import CartPole
Recorder(TrainConfig(name="r"), CartPole(), None, "cartpole-angle").finish({})
"""
    environment = {**os.environ, "PYTHONPATH": str(place)}
    subprocess.run([sys.executable, "-P", "-c", code], cwd=theirs, env=environment, check=True, timeout=120)
    config = json.loads((theirs / "runs/r/config.json").read_text())
    assert {name: config[name] for name in UNKNOWN} == UNKNOWN
