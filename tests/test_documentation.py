"""What the documentation shows works: examples in docstrings, and each command and code block of the pages.

Not for what the pages say in words.
"""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic_settings import CliApp

from agent import commands
from reward_audit import commands as audit_commands
from reward_cli import __main__ as reward_command
from reward_client import RewardClient, Rubric, ScoreResponse
from reward_client.files.yaml_file import parse_yaml
from reward_server.settings import Settings
from tests.pages import (
    README,
    Snippet,
    assignments,
    blocks,
    figures,
    shell_commands,
    started_with,
    transcripts,
    words,
    written_in,
)
from tests.paths import ROOT
from tests.test_boundaries import sources

HEAVY = {"reward_server.engine.vllm_engine", "reward_server.launch.ray_serve"}
"""Modules whose import takes long; they have no examples."""

DOCUMENTED_URL = "http://127.0.0.1:8000"

MODULES = ".venv/bin/python"
"""Starts modules of the repository, whose names are checked."""

NOT_RUN = {
    "docker": "needs a Docker Engine; make compose-test drives one",
    "kubectl": "needs a Kubernetes cluster",
    "serve": "needs a Ray cluster; tests/reward_server/launch/test_ray_serve.py starts one",
    "pip": "installs gigabytes",
    "cp": "would write .env",
    "printf": "would write .env",
    "tensorboard": "shows its pages until it is ended",
}
"""Programs of which only the named files and extras are checked, and why."""


FIRST, *FURTHER = written_in("python")
"""The first snippet of the README is run as it is pasted, the others with frames at hand."""


@pytest.mark.parametrize(
    "room",
    [
        "agent",
        "reward_audit",
        "reward_cli",
        "reward_playground",
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
    assert {block.language for block in blocks()} == {"bash", "python", "js", "json", "yaml", "text", ""}
    (drawing,) = written_in("")
    assert "agent container" in drawing.text
    checked = (
        started_with(
            "make", "curl", "reward", "reward-agent", "reward-audit", "reward-server", MODULES, *NOT_RUN
        )
        + assignments()
    )
    assert [str(one) for one in shell_commands() if one not in checked] == []


@pytest.fixture
def as_it_was_registered() -> Iterator[None]:
    """Leaves Gymnasium's registry without what a snippet put there."""
    before = set(gym.registry)
    yield
    for name in set(gym.registry) - before:
        del gym.registry[name]


@pytest.fixture
def clients_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Closes what a snippet leaves open for its process: here the process goes on."""
    made: list[RewardClient] = []
    begin = RewardClient.__init__

    def noted(client: RewardClient, *args: Any, **options: Any) -> None:
        made.append(client)
        begin(client, *args, **options)

    monkeypatch.setattr(RewardClient, "__init__", noted)
    yield
    for client in made:
        client.close()


@pytest.mark.vllm
@pytest.mark.usefixtures("as_it_was_registered", "clients_are_closed")
@pytest.mark.parametrize("block", FURTHER, ids=str)
def test_python_runs_against_a_server(block: Snippet, server_url: str, grey_frame: NDArray[np.uint8]) -> None:
    code = compile(block.text.replace(DOCUMENTED_URL, server_url), block.place, "exec")
    exec(code, {"frame": grey_frame, "other_frame": grey_frame[::-1]})


def run_here(*command: str) -> str:
    """What a command prints in the repository's folder."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "REWARD_API_KEY": "a-key-for-this-test"},
        capture_output=True,
        timeout=60,
        check=True,
        text=True,
    )
    return done.stdout


@pytest.mark.vllm
def test_the_first_snippet_agrees_with_the_curl_beside_it(server_url: str) -> None:
    assert FIRST.place.startswith("README.md")
    pasted = run_here(sys.executable, "-c", FIRST.text.replace(DOCUMENTED_URL, server_url))
    (beside,) = [one for one in shell_commands([README]) if one.text.startswith("curl")]
    answered = run_here("bash", "-c", beside.text.replace(DOCUMENTED_URL, server_url))
    reward = ScoreResponse.model_validate_json(answered).data[0].reward
    assert reward is not None
    assert float(pasted) == pytest.approx(reward, abs=1e-4)
    (told,) = re.findall(r"print\(env.step\(0\)\[1\]\)  # (\S+):", FIRST.text)
    assert told == f"{reward:.3f}"
    assert f'"reward":{told}…,"status":"ok"' in README.read_text()


@pytest.mark.vllm
@pytest.mark.parametrize(("command", "printed"), transcripts())
def test_reward_ask_prints_what_the_page_shows(
    command: str,
    printed: str,
    server_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    program, *asked = shlex.split(command)
    assert (program, asked[0]) == ("reward", "ask")
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) if "no reward" in printed else nullcontext():
        reward_command.run([*asked, "--server-url", server_url])
    told = capsys.readouterr().out
    assert figures(printed)
    assert figures(told)[: len(figures(printed))] == pytest.approx(figures(printed), abs=0.15)


@pytest.mark.vllm
@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node 18 or newer (Debian: nodejs)")
@pytest.mark.parametrize("block", written_in("js"), ids=str)
def test_javascript_runs_against_a_server(block: Snippet, server_url: str) -> None:
    reads = "import { readFileSync } from 'node:fs'; const frame = readFileSync('docs/frame.png');"
    code = f"{reads}\n{block.text.replace(DOCUMENTED_URL, server_url)}"
    done = subprocess.run(
        ["node", "--input-type=module", "-e", code], cwd=ROOT, capture_output=True, timeout=60, check=True
    )
    assert re.fullmatch(rb"ok [\d.]+\n", done.stdout)


@pytest.mark.parametrize("command", started_with("reward-audit"), ids=str)
def test_the_audit_takes_the_options(command: Snippet, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[object] = []

    def take(config: object) -> int:
        taken.append(config)
        return 0

    monkeypatch.setattr(audit_commands, "audit_and_tell", take)
    audit_commands.run(words(command))
    assert len(taken) == 1


ASKED = [one for one in started_with("reward") if words(one)[0] == "ask"]


@pytest.mark.vllm
@pytest.mark.parametrize("command", ASKED, ids=str)
def test_reward_asks_a_server(command: Snippet, server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    reward_command.run(
        [*words(command), "--server-url", server_url]
    )  # ends with SystemExit where a question is not answered


@pytest.mark.parametrize(
    "command", [one for one in started_with("reward") if one not in ASKED], ids=lambda one: one.text
)
def test_reward_has_the_command_and_its_options(command: Snippet, capsys: pytest.CaptureFixture[str]) -> None:
    name, *given = words(command)
    with pytest.raises(SystemExit, match="0"):
        reward_command.run([name, "--help"])
    shown = capsys.readouterr().out
    assert {word for word in given if word.startswith("--")} <= set(re.findall(r"--[a-z-]+", shown))


@pytest.mark.vllm
@pytest.mark.parametrize("command", started_with("curl"), ids=str)
def test_curl_gets_a_reward_from_a_server(command: Snippet, server_url: str) -> None:
    assert DOCUMENTED_URL in command.text
    answered = run_here("bash", "-c", command.text.replace(DOCUMENTED_URL, server_url))
    shown = ScoreResponse.model_validate_json(written_in("json")[0].text)
    answer = ScoreResponse.model_validate_json(answered)
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
    assert {word for word in words(command) if "=" not in word} <= set(targets)


@pytest.mark.parametrize("command", started_with(MODULES), ids=str)
def test_the_module_is_there(command: Snippet) -> None:
    option, module, *_ = words(command)
    assert option == "-m"
    assert importlib.util.find_spec(module)


@pytest.mark.parametrize("command", started_with("reward-agent"), ids=str)
def test_the_agent_takes_the_options(command: Snippet, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[object] = []
    for name in ("train_and_tell", "demo", "experiment", "evaluate", "film_finished"):
        monkeypatch.setattr(commands, name, taken.append)
    given = [
        re.sub(r"^\w+:[A-Z]\w*$", "CartPole-v1", word) for word in words(command)
    ]  # a task of the reader's
    monkeypatch.setattr("sys.argv", ["reward-agent", *given])
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
