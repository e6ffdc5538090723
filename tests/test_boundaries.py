"""The rooms, and the groups inside them, import only what the design lets them; no circles between files."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.paths import ROOT

ROOMS = {
    "reward_client": set[str](),
    "reward_server": {"reward_client"},
    "reward_report": set[str](),
    "reward_tasks": set[str](),
    "reward_audit": {"reward_client", "reward_report", "reward_tasks"},
    "agent": {"reward_audit", "reward_client", "reward_report", "reward_tasks"},
    # The one door to all commands.
    "reward_cli": {
        "agent",
        "reward_audit",
        "reward_client",
        "reward_report",
        "reward_server",
        "reward_tasks",
    },
    # Its nulls and its measures are an audit's.
    "reward_playground": {"reward_audit", "reward_client", "reward_tasks"},
    # The recipe pads frames with the server's own code and measures itself through the client.
    "tiny_llava": {"reward_client", "reward_server", "reward_tasks"},
}
"""What a room may import beside itself."""

GROUPS = {
    "reward_server": {
        "__main__": {"command"},
        "command": {"launch"},
        "launch": {"api", "rubrics"},
        "api": {"service", "admission", "telemetry"},
        "service": {"scoring", "admission", "telemetry"},
        "scoring": {"reading", "images", "telemetry"},
        "reading": {"engine"},
        "engine": {"settings"},
        "admission": {"telemetry"},
        "images": set[str](),
        "rubrics": set[str](),
        "telemetry": set[str](),
        "settings": set[str](),
        "torchvision_ops": set[str](),
    },
    "reward_audit": {
        "__main__": {"commands"},
        "commands": {"audit", "own_rubric", "exit_codes"},
        "own_rubric": set[str](),
        "audit": {"reporting", "conclusions", "asking", "judging", "config"},
        "conclusions": {"mending", "config"},
        "reporting": {"showing", "rows"},
        "mending": {"findings"},
        "findings": {"judging", "showing", "rows"},
        "asking": {"showing", "rows"},
        "judging": {"measures"},
        "showing": set[str](),
        "rows": set[str](),
        "measures": set[str](),
        "config": set[str](),
        "exit_codes": set[str](),
    },
    "reward_cli": {
        "__main__": {"catalog", "extras", "parsing"},
        "catalog": set[str](),
        "delegation": {"parsing"},
        "asking": {"extras", "parsing", "running_server"},
        "watching": {"parsing", "run_choice"},
        "labels": {"parsing", "run_choice"},
        "doctor": {"extras", "parsing", "running_server"},
        "run_choice": {"parsing"},
        "running_server": set[str](),
        "extras": set[str](),
        "parsing": set[str](),
    },
    "agent": {
        "__main__": {"commands", "exit_codes"},
        "commands": {"experiment", "exit_codes"},
        "experiment": {"reporting"},
        "reporting": {"training"},
        "training": {"rewards", "recording"},
        "rewards": {"config"},
        "recording": {"config"},
        "config": set[str](),
        "exit_codes": set[str](),
    },
}
"""Groups: folders and single files, from the top down. What is further below may be imported too."""


def sources(room: str) -> dict[str, Path]:
    """The files of a room by the name of their module."""
    found = {}
    for path in (ROOT / room).rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in it. Of ``from a import b`` both a and a.b are given."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def below(group: str, arrows: dict[str, set[str]]) -> set[str]:
    """Everything that a group may import."""
    return arrows[group].union(*(below(other, arrows) for other in arrows[group]))


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """The files of one circle of imports; none where there is no circle."""
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> list[str]:
        if name in way:
            return way[way.index(name) :]
        if name in done:
            return []
        found = next((c for other in sorted(arrows[name]) if (c := walk(other, [*way, name]))), [])
        done.add(name)
        return found

    return next((c for name in sorted(arrows) if (c := walk(name, []))), [])


def arrows_of_files(rooms: Iterable[str]) -> dict[str, set[str]]:
    files = {name: path for room in rooms for name, path in sources(room).items()}
    return {
        name: {other for other in imports(path) if other in files and other not in {name, name.split(".")[0]}}
        for name, path in files.items()
    }


def forbidden(room: str, name: str, imported: Iterable[str]) -> list[str]:
    """What a module of a room imports and may not."""
    arrows = GROUPS[room]
    group, found = name.split(".")[1], []
    for other in imported:
        parts = other.split(".")
        if parts[0] == room and len(parts) > 1 and parts[1] in arrows:
            allowed = {group} | below(group, arrows)
            found += [other] if parts[1] not in allowed else []
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_it_may(room: str) -> None:
    for path in sources(room).values():
        ours = {name.split(".")[0] for name in imports(path)} & set(ROOMS)
        assert ours <= ROOMS[room] | {room}, path


@pytest.mark.parametrize("room", GROUPS)
def test_a_group_imports_only_the_groups_it_may(room: str) -> None:
    for name, path in sources(room).items():
        if name != room:
            assert forbidden(room, name, imports(path)) == [], path


@pytest.mark.parametrize("room", GROUPS)
def test_every_file_is_in_a_group(room: str) -> None:
    assert {name.split(".")[1] for name in sources(room) if name != room} == set(GROUPS[room])


def test_no_two_files_need_each_other() -> None:
    assert circle(arrows_of_files(ROOMS)) == []


def test_these_checks_see_a_planted_arrow_and_a_planted_circle() -> None:
    name = "reward_server.reading.readouts"
    assert forbidden("reward_server", name, ["reward_server.api.app", "reward_server.engine.interface"]) == [
        "reward_server.api.app"
    ]
    arrows = arrows_of_files(ROOMS)
    arrows["agent.recording.recorder"].add("agent.training.train")
    assert circle(arrows)


def test_the_client_needs_neither_torch_nor_vllm_nor_fastapi() -> None:
    heavy = {"torch", "vllm", "fastapi", "transformers", "gymnasium", "starlette"}
    for name, path in sources("reward_client").items():
        # the wrappers have an extra of their own, which nothing else imports
        allowed = {"gymnasium"} if name.startswith("reward_client.wrappers") else set()
        assert not {other.split(".")[0] for other in imports(path)} & heavy - allowed, path
        if not allowed:
            assert not [other for other in imports(path) if other.startswith("reward_client.wrappers")], path


def test_one_file_imports_vllm() -> None:
    importing = [
        name
        for room in ROOMS
        for name, path in sources(room).items()
        if any(other.split(".")[0] == "vllm" for other in imports(path))
    ]
    assert importing == ["reward_server.engine.vllm_engine"]


def test_no_file_is_longer_than_350_lines() -> None:
    for room in (*ROOMS, "benchmarks", "examples", "tests"):
        for path in (ROOT / room).rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 350, path
