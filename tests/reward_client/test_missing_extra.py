"""A command whose extra is not installed says which one, and shows no traceback."""

from __future__ import annotations

import subprocess
import sys

import pytest

from reward_client.processes.missing_extra import extra_named


@pytest.mark.parametrize(
    ("module", "command", "absent", "extra"),
    [
        ("agent", "reward-agent", "tyro", "agent"),
        ("reward_audit", "reward-audit", "scipy", "audit"),
        ("reward_server", "reward-server", "uvicorn", "server"),
    ],
)
def test_a_command_names_its_extra(module: str, command: str, absent: str, extra: str) -> None:
    # None in sys.modules is how Python itself tells that a module cannot be imported
    code = f"import sys; sys.modules[{absent!r}] = None; from {module}.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{command}: the package {absent} is not installed")
    assert f'"vlm-reward[{extra}]"' in line


def test_a_fault_of_our_own_keeps_its_traceback() -> None:
    with pytest.raises(ModuleNotFoundError), extra_named("reward-agent", "agent"):
        raise ModuleNotFoundError("no module", name="agent.nowhere")
