"""``reward doctor`` on machines that lack something."""

from __future__ import annotations

import ctypes.util
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from reward_cli.doctor import accelerator, machine, model_access, packages
from reward_cli.doctor.checks import AGENT, ALL, SERVER, Check, Role
from tests.paths import CHECKPOINT
from tests.reward_cli.conftest import Reward


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is asked outside this machine, and its own cache is not looked at."""

    def refuse(*_: Any, **__: Any) -> httpx.Response:
        raise httpx.ConnectError("no network in this test")

    monkeypatch.setattr(httpx, "head", refuse)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub-home"))
    for name in ("HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_ENDPOINT", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def test_this_machine_can_ask_and_train(reward: Reward) -> None:
    assert reward("doctor", "--for", "client")[0] == 0
    code, page, _ = reward("doctor", "--for", "agent")
    assert code == 0
    assert "Nothing is missing for the role agent." in page
    assert "Python" in page


def test_what_a_role_needs_and_is_missing_is_code_1(reward: Reward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    code, page, _ = reward("doctor", "--for", "server")
    assert code == 1
    assert "missing   g++" in page
    assert "apt install g++" in page
    assert "Missing for the role server: g++" in page
    code, page, _ = reward("doctor", "--for", "client")
    assert code == 0
    assert "optional  g++" in page
    code, page, _ = reward("doctor")
    assert code == 0
    assert "missing   g++" in page
    assert "for server: vLLM compiles" in page


def test_a_check_is_judged_by_the_role() -> None:
    check = Check("x", False, "", "", SERVER)
    assert [check.word(role) for role in (None, Role.SERVER, Role.AGENT)] == [
        "missing",
        "missing",
        "optional",
    ]
    assert Check("x", True, "", "", ALL).word(Role.AGENT) == "ok"
    assert Check("x", False, "").word(None) == "optional"


def test_a_machine_with_a_gpu_needs_no_compiler_and_no_libnuma(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(ctypes.util, "find_library", lambda _name: None)
    words = [
        [check.word(Role.SERVER) for check in machine.machine_checks(on_gpu)[1:3]] for on_gpu in (True, False)
    ]
    assert words == [["optional"] * 2, ["missing"] * 2]


@pytest.mark.parametrize(
    ("flags", "is_there", "told"),
    [
        (frozenset({"avx2", "avx512_bf16"}), True, "avx512_bf16"),
        (frozenset({"avx2"}), False, "--dtype float32"),
        (None, False, "the system does not say"),
    ],
)
def test_bfloat16_is_read_from_the_processors_flags(
    flags: frozenset[str] | None, is_there: bool, told: str
) -> None:
    check = machine._bfloat16(flags, on_gpu=False)
    assert check.is_there is is_there
    assert told in f"{check.found} {check.advice}"


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        check = machine._port(listener.getsockname()[1])
    assert not check.is_there
    assert check.found == "not free (address already in use)"


def test_python_that_is_too_old_is_missing_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    check = machine._python()
    assert {check.word(role) for role in Role} == {"missing"}
    assert "3.11 to 3.13" in check.advice


@pytest.mark.parametrize(
    ("done", "is_there", "found"),
    [
        (
            (0, "NVIDIA H100 80GB HBM3, 81559 MiB, 570.1\n"),
            True,
            "NVIDIA H100 80GB HBM3, 81559 MiB, driver 570.1",
        ),
        ((0, "A, 1 MiB, 5\nA, 1 MiB, 5\n"), True, "2 of: A, 1 MiB, driver 5"),
        ((9, "NVIDIA-SMI has failed\nmore"), False, "nvidia-smi: NVIDIA-SMI has failed"),
    ],
)
def test_the_gpu_is_what_the_driver_says(
    monkeypatch: pytest.MonkeyPatch, done: tuple[int, str], is_there: bool, found: str
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    answer = subprocess.CompletedProcess([], done[0], done[1], "")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    check = accelerator.gpu_check()
    assert (check.is_there, check.found) == (is_there, found)


def test_a_model_is_looked_for_in_a_folder_in_the_cache_and_on_the_hub(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def only(model: str | None) -> Check:
        (check,) = model_access.model_checks(model)
        return check

    assert only(str(CHECKPOINT)).is_there
    (tmp_path / "empty").mkdir()
    assert "no config.json and no *.safetensors" in only(str(tmp_path / "empty")).found
    assert only("some/model").found == "not in the cache; no Hub (ConnectError)"
    for status, is_there in ((200, True), (307, True), (401, False), (404, False)):
        monkeypatch.setattr(httpx, "head", lambda *_, status=status, **__: httpx.Response(status))
        assert only("some/model").is_there is is_there
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE" in only("some/model").found
    snapshot = tmp_path / "hub-home" / "hub" / "models--some--model" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").touch()
    assert not only("some/model").is_there
    (snapshot / "model.safetensors").touch()
    assert only("some/model").found == f"in the cache: {snapshot}"


def test_without_the_shipped_checkpoint_a_server_needs_one_of_the_hub(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert [check.needed_by for check in model_access.model_checks(None)] == [frozenset(), frozenset()]
    monkeypatch.setattr(model_access, "shipped_checkpoint", lambda: None)
    assert [check.needed_by for check in model_access.model_checks(None)] == [frozenset(), SERVER]


def test_an_extra_that_is_not_installed_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        packages, "missing", lambda extras: ["a", "b", "c", "d"] if extras == ["agent"] else []
    )
    (check,) = [one for one in packages.package_checks() if not one.is_there]
    assert check.found == "without a, b, c …"
    assert 'pip install "vlm-reward[agent]"' in check.advice
    assert check.needed_by == AGENT
