"""What docs/performance.md shows is what the program makes of the committed numbers."""

from __future__ import annotations

import json

from benchmarks.bench.__main__ import bench_text
from tests.paths import ROOT


def test_the_published_tables_are_those_of_the_committed_numbers() -> None:
    page = (ROOT / "docs" / "performance.md").read_text()
    shown = page.split("<!-- bench:begin -->")[1].split("<!-- bench:end -->")[0]
    found = json.loads((ROOT / "benchmarks" / "results" / "bench.json").read_text())
    assert shown.strip() == bench_text(found).strip()
