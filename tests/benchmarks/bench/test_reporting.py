"""Ratios are taken within a round, bars are judged by their medians, and tables stand between their marks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.bench.parts.memory import slopes_mb
from benchmarks.bench.reporting.bars import Bar, Spread, bars
from benchmarks.bench.reporting.tables import bars_table, table, ways_table, write_between


def row(name: str, repeat: int, frames_per_s: float, server_ms: float = 2.0) -> dict[str, Any]:
    return {
        "name": name,
        "repeat": repeat,
        "frames_per_s": frames_per_s,
        "p50_s": 0.02,
        "p95_s": 0.03,
        "p99_s": None,
        "core_ms_per_frame": {"main": server_ms, "client": 1.0},
        "peak_memory_mb": {"main": 900.0, "helper": 10.0},
    }


def measured(found: list[Bar], what: str) -> Bar:
    (bar,) = [bar for bar in found if bar.what.startswith(what)]
    return bar


def test_a_ratio_is_of_the_same_round_and_the_median_of_rounds_counts() -> None:
    rows = [row("a-png", 0, 300.0), row("b-png", 0, 100.0)]
    rows += [row("a-png", 1, 100.0), row("b-png", 1, 25.0), row("a-png", 2, 10.0), row("b-png", 2, 5.0)]
    bar = measured(bars(rows), "(a) from PNG / (b)")
    assert bar.measured == Spread(3.0, 2.0, 4.0)
    assert bar.verdict == "met"
    assert measured(bars(rows[:2] + rows[4:]), "(a) from PNG / (b)").verdict == "short"


def test_a_cost_is_met_from_below() -> None:
    rows = [row("a-png", 0, 1.0, server_ms=3.1), row("a-prepared", 0, 1.0, server_ms=2.9)]
    assert measured(bars(rows), "server process from PNG").verdict == "short"
    assert measured(bars(rows), "server process from prepared").verdict == "met"


def test_what_was_not_measured_is_neither_met_nor_short() -> None:
    assert {bar.verdict for bar in bars([])} == {"not measured"}
    assert "not measured" in bars_table(bars([]))


def test_the_table_of_contenders_tells_core_time_by_process_and_leaves_small_helpers_out() -> None:
    text = ways_table([row("a-png", 0, 100.0), row("a-png", 1, 120.0)])
    assert "110 (100 to 120)" in text
    assert "main 2.0, client 1.0" in text
    assert "helper" not in text


def test_only_what_is_between_the_marks_is_replaced(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text("before\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter\n")
    write_between(document, "bench", table(["a"], [["1"]]))
    write_between(document, "bench", table(["a"], [["2"]]))
    text = "before\n<!-- bench:begin -->\n\n| a |\n| --- |\n| 2 |\n\n<!-- bench:end -->\nafter\n"
    assert document.read_text() == text


def test_a_document_without_its_marks_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text("<!-- bench:end --> <!-- bench:begin -->")
    with pytest.raises(ValueError, match="bench:begin"):
        write_between(document, "bench", "text")
    assert document.read_text() == "<!-- bench:end --> <!-- bench:begin -->"


def test_growth_of_memory_is_the_slope_after_it_settled() -> None:
    looks = [{"frames": n, "memory_mb": {"main": 500.0 + n / 1000}} for n in range(0, 100_001, 10_000)]
    looks[0]["memory_mb"] = {"main": 100.0}
    assert slopes_mb(looks)["main"] == pytest.approx(100.0)
