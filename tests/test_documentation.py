"""What the documentation shows works: examples in docstrings, and each command and code block of the pages.

Not for what the pages say in words.
"""

from __future__ import annotations

import doctest
import importlib
import json
import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic_settings import CliApp

from agent import commands
from reward_audit import commands as audit_commands
from reward_cli import __main__ as reward_command
from reward_client import Rubric, ScoreResponse
from reward_client.files.yaml_file import parse_yaml
from reward_server.settings import Settings
from tests.paths import ROOT
from tests.test_boundaries import sources

HEAVY = {"reward_server.engine.vllm_engine", "reward_server.launch.ray_serve"}
"""Modules whose import takes long; they have no examples."""

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
DOCUMENTED_URL = "http://127.0.0.1:8000"

NOT_RUN = {
    "docker": "needs a Docker Engine; make compose-test drives one",
    "kubectl": "needs a Kubernetes cluster",
    "serve": "needs a Ray cluster; tests/reward_server/launch/test_ray_serve.py starts one",
    "pip": "installs gigabytes",
    "cp": "would write .env",
    "printf": "would write .env",
}
"""Programs of which only the named files and extras are checked, and why."""


@dataclass(frozen=True)
class Snippet:
    """A code block of a page, or one command of a block of them.

    Attributes:
        place: page and line.
        language: that the fence names.
        text: what stands there.
    """

    place: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.place} {self.text.split()[0] if self.language == 'bash' else self.language}"


def blocks() -> Iterator[Snippet]:
    """The fenced code blocks of all pages."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, found.start(2)) + 1
            yield Snippet(f"{page.relative_to(ROOT)}:{line}", found[1], found[2])


def shell_commands() -> Iterator[Snippet]:
    """The commands of all blocks of bash, each with its here-document, without its comment."""
    for block in blocks():
        if block.language == "bash":
            whole = r"^\S.*<<(\w+)\n(?:.*\n)*?\1$|^[^#\s].*$"
            for found in re.finditer(whole, block.text, re.MULTILINE):
                yield Snippet(block.place, "bash", found[0])


def written_in(language: str) -> list[Snippet]:
    return [block for block in blocks() if block.language == language]


def started_with(*programs: str) -> list[Snippet]:
    """The commands that start one of some programs."""
    return [one for one in shell_commands() if one.text.split()[0] in programs]


def assignments() -> list[Snippet]:
    """The lines that belong into ``.env``."""
    return [one for one in shell_commands() if re.match(r"[A-Z_]+=", one.text)]


def words(command: Snippet) -> list[str]:
    return shlex.split(command.text, comments=True)[1:]


@pytest.mark.parametrize(
    "room",
    [
        "agent",
        "reward_audit",
        "reward_cli",
        "reward_client",
        "reward_report",
        "reward_server",
        "reward_tasks",
    ],
)
def test_examples_in_docstrings_hold(room: str) -> None:
    failed = {}
    for name in sorted(sources(room).keys() - HEAVY):
        failed[name] = doctest.testmod(importlib.import_module(name)).failed
    assert [name for name, count in failed.items() if count] == []


def test_every_block_and_every_command_is_checked_below() -> None:
    assert {block.language for block in blocks()} == {"bash", "python", "json", "yaml", ""}
    (drawing,) = written_in("")
    assert "agent container" in drawing.text
    checked = (
        started_with("make", "curl", "reward", "reward-agent", "reward-audit", "reward-server", *NOT_RUN)
        + assignments()
    )
    assert [str(one) for one in shell_commands() if one not in checked] == []


@pytest.mark.vllm
@pytest.mark.parametrize("block", written_in("python"), ids=str)
def test_python_runs_against_a_server(block: Snippet, server_url: str, grey_frame: NDArray[np.uint8]) -> None:
    code = compile(block.text.replace(DOCUMENTED_URL, server_url), block.place, "exec")
    exec(code, {"frame": grey_frame, "other_frame": grey_frame[::-1]})


@pytest.mark.parametrize("command", started_with("reward-audit"), ids=str)
def test_the_audit_takes_the_options(command: Snippet, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[object] = []

    def take(config: object) -> int:
        taken.append(config)
        return 0

    monkeypatch.setattr(audit_commands, "audit_and_tell", take)
    audit_commands.run(words(command))
    assert len(taken) == 1


@pytest.mark.vllm
@pytest.mark.parametrize("command", started_with("reward"), ids=str)
def test_reward_asks_a_server(command: Snippet, server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = words(command)
    assert asked[0] == "ask"
    monkeypatch.chdir(ROOT)
    reward_command.run(
        [*asked, "--server-url", server_url]
    )  # ends with SystemExit where a question is not answered


@pytest.mark.vllm
@pytest.mark.parametrize("command", started_with("curl"), ids=str)
def test_curl_gets_a_reward_from_a_server(command: Snippet, server_url: str) -> None:
    assert DOCUMENTED_URL in command.text
    done = subprocess.run(
        ["bash", "-c", command.text.replace(DOCUMENTED_URL, server_url)],
        cwd=ROOT,
        env={**os.environ, "REWARD_API_KEY": "a-key-for-this-test"},
        capture_output=True,
        timeout=60,
        check=True,
    )
    shown = ScoreResponse.model_validate_json(written_in("json")[0].text)
    answer = ScoreResponse.model_validate_json(done.stdout)
    assert answer.data[0].reward == pytest.approx(shown.data[0].reward, abs=1e-4)


@pytest.mark.parametrize("block", written_in("json"), ids=str)
def test_json_is_an_answer_with_every_field(block: Snippet) -> None:
    content = json.loads(block.text)
    assert ScoreResponse.model_validate(content).model_dump(mode="json").keys() == content.keys()


@pytest.mark.parametrize("block", written_in("yaml"), ids=str)
def test_yaml_is_a_rubric(block: Snippet) -> None:
    Rubric.model_validate(parse_yaml(block.text, block.place))


@pytest.mark.parametrize("command", started_with("make"), ids=str)
def test_the_makefile_has_the_target(command: Snippet) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(words(command)) <= set(targets)


@pytest.mark.parametrize("command", started_with("reward-agent"), ids=str)
def test_the_agent_takes_the_options(command: Snippet, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[object] = []
    for name in ("train_and_tell", "demo", "experiment", "evaluate", "film_finished"):
        monkeypatch.setattr(commands, name, taken.append)
    monkeypatch.setattr("sys.argv", ["reward-agent", *words(command)])
    commands.run()
    assert len(taken) == 1


@pytest.mark.parametrize("command", started_with("reward-server"), ids=str)
def test_the_server_takes_the_options(command: Snippet) -> None:
    CliApp.run(Settings, cli_args=words(command))


@pytest.mark.parametrize("line", assignments(), ids=str)
def test_the_example_of_env_has_the_variable(line: Snippet) -> None:
    name = line.text.split("=")[0]
    assert re.search(rf"^#?{name}=", (ROOT / ".env.example").read_text(), re.MULTILINE)


@pytest.mark.parametrize("command", started_with(*NOT_RUN), ids=str)
def test_what_is_not_run_names_files_and_extras_that_exist(command: Snippet) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    given = words(command)
    for before, word in zip(["", *given], given, strict=False):
        if before == "-f" or word.endswith((".yml", ".yaml", ".example")):
            assert (ROOT / word).is_file()
        if named := re.fullmatch(r"\.\[(.+)\]", word):
            assert set(named[1].split(",")) <= set(extras)
    pytest.skip(NOT_RUN[command.text.split()[0]])
