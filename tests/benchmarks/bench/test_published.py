"""What the documents show is what the programs make of the committed numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.bench.__main__ import bench_text
from benchmarks.bench.measuring.machine import machine_sentence
from benchmarks.bench.parts.agent_loop import agent_text
from benchmarks.bench.parts.memory import memory_text
from benchmarks.seven.served.tables import models_text, performance_text
from tests.paths import ROOT


def shown(page: str, mark: str) -> str:
    text = (ROOT / "docs" / f"{page}.md").read_text()
    return text.split(f"<!-- {mark}:begin -->")[1].split(f"<!-- {mark}:end -->")[0].strip()


def numbers(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())
    return found


def test_the_tables_of_all_contenders() -> None:
    assert shown("performance", "bench") == bench_text(numbers("bench")).strip()
    assert "not measured" not in {bar["verdict"] for bar in numbers("bench")["bars"]}


@pytest.mark.parametrize(("name", "text"), [("agent", agent_text), ("memory", memory_text)])
def test_the_tables_of_the_agent_and_of_memory(name: str, text: Callable[[Any], str]) -> None:
    found = numbers(name)
    sentence = machine_sentence(found["machine"], found["dtype"])
    assert shown("performance", name) == f"{sentence}\n\n{text(found['rows'])}".strip()


@pytest.mark.parametrize(("page", "text"), [("performance", performance_text), ("models", models_text)])
def test_the_tables_of_seven(page: str, text: Callable[[Any], str]) -> None:
    assert shown(page, "seven") == text(numbers("seven-cpu")).strip()
