"""Which command is meant, what passes through to other rooms, and what a mistake is answered with."""

from __future__ import annotations

import sys
from importlib import metadata

import pytest

from reward_cli import catalog, delegation, extras
from reward_client.version import __version__
from tests.reward_cli.conftest import Reward


def test_the_help_names_every_command_and_fits_a_screen(reward: Reward) -> None:
    code, shown, _ = reward("--help")
    assert code == 0
    assert all(f"\n  {name} " in shown for name in catalog.COMMANDS)
    lines = shown.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert reward() == (0, shown, "")


def test_the_version_is_that_of_the_package(reward: Reward) -> None:
    assert reward("--version") == (0, f"reward {__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("tran",), "did you mean train?"),
        (("--verson",), "did you mean --version?"),
        (("ask", "--lables", "a,b"), "did you mean --labels?"),
        (("ask", "f.png", "Is it?", "--server_url=x"), "did you mean --server-url?"),
        (("watch", "--onec"), "did you mean --once?"),
        (("serve", "--modle", "x"), "did you mean --model?"),
        (("serve", "--no-enforce-eagre"), "did you mean --no-enforce-eager?"),
        (("xyz",), "there is no command 'xyz'; see reward --help"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_what_was_meant(
    reward: Reward, words: tuple[str, ...], meant: str
) -> None:
    code, shown, told = reward(*words)
    assert code == 2
    assert shown == ""
    assert meant in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "room", "argv"),
    [
        ("train", "agent", ["reward-agent", "train", "--seed", "3"]),
        ("experiment", "agent", ["reward-agent", "experiment", "--seed", "3"]),
        ("audit", "reward_audit", ["reward-audit", "--seed", "3"]),
    ],
)
def test_arguments_pass_through_to_the_commands_of_other_rooms(
    reward: Reward, monkeypatch: pytest.MonkeyPatch, command: str, room: str, argv: list[str]
) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(sys, "argv", ["reward"])
    monkeypatch.setattr(f"{room}.__main__._run", lambda: seen.append(sys.argv))
    assert reward(command, "--seed", "3")[0] == 0
    assert seen == [argv]


def test_the_exit_code_of_a_command_of_another_room_is_ours(
    reward: Reward, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsolved() -> None:
        raise SystemExit(3)

    monkeypatch.setattr(sys, "argv", ["reward"])
    monkeypatch.setattr("agent.__main__._run", unsolved)
    assert reward("train")[0] == 3


def test_serve_becomes_the_server(reward: Reward, monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda _path, command: became.append(command))
    words = ["--model", "somewhere", "--dtype=float32", "--port", "0", "--max-num-seqs", "8"]
    reward("serve", *words)
    assert became == [[sys.executable, "-m", "reward_server", *words]]


def test_serve_without_an_engine_names_both_extras(reward: Reward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delegation, "find_spec", lambda _name: None)
    code, _, told = reward("serve")
    assert code == 1
    assert 'pip install "vlm-reward[gpu]"' in told
    assert "vlm-reward[cpu]" in told


def test_a_missing_extra_is_named_with_what_it_lacks(reward: Reward, monkeypatch: pytest.MonkeyPatch) -> None:
    requirements = [
        "httpx~=0.28",
        "nobody-has-this>=1; extra == 'audit'",
        "vlm-reward[audit]; extra == 'agent'",
        "neither_this[fast]>=2 ; extra == 'agent'",
        "not-asked-for; extra == 'ray'",
    ]
    monkeypatch.setattr(metadata, "requires", lambda _package: requirements)
    assert extras.missing(["agent"]) == ["nobody-has-this", "neither_this"]
    code, _, told = reward("train")
    assert code == 1
    assert told == (
        'reward: reward train needs nobody-has-this, neither_this: pip install "vlm-reward[agent]"\n'
    )


def test_what_cannot_be_looked_up_is_not_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_package: str) -> list[str]:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "requires", unknown)
    assert extras.missing(["server", "agent"]) == []


@pytest.mark.parametrize("name", catalog.COMMANDS)
def test_every_command_can_be_loaded(name: str) -> None:
    assert callable(catalog.COMMANDS[name].load())


@pytest.mark.parametrize("name", ["ask", "watch", "labels", "doctor"])
def test_the_help_of_our_own_commands_fits_80_columns(
    reward: Reward, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, shown, _ = reward(name, "--help")
    assert code == 0
    assert max(map(len, shown.splitlines())) <= 80
