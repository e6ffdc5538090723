"""The rooms import only what the design lets them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("agent", "reward_client", "reward_server", "tiny_llava")
MAY_IMPORT = {
    "reward_client": set[str](),
    "reward_server": {"reward_client"},
    "agent": {"reward_client"},
    # The recipe pads frames with the server's own code and measures itself through the client.
    "tiny_llava": {"reward_client", "reward_server"},
}


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_it_may(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        ours = {name.split(".")[0] for name in imports(path)} & set(ROOMS)
        assert ours <= MAY_IMPORT[room] | {room}, path


def test_the_client_needs_neither_torch_nor_vllm_nor_fastapi() -> None:
    allowed = {"reward_client", "httpx", "numpy", "PIL", "pydantic"}
    for path in (ROOT / "reward_client").rglob("*.py"):
        outside = {name.split(".")[0] for name in imports(path)} - allowed
        assert not outside & {"torch", "vllm", "fastapi", "transformers", "gymnasium", "starlette"}, path


def test_one_file_imports_vllm() -> None:
    importing = [
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if any(name.split(".")[0] == "vllm" for name in imports(path))
    ]
    assert importing == ["reward_server/engine.py"]


def test_no_file_is_longer_than_350_lines() -> None:
    for room in (*ROOMS, "benchmarks", "tests"):
        for path in (ROOT / room).rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 350, path
