"""Tables in Markdown of what was measured, and their place in a document."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bench.reporting.bars import Bar, Row, Spread

NAMES = {
    "a-png": "(a) `/score`, PNG of 600x400, 32 x 8",
    "a-client": "(a) our client, arrays of 600x400, 32 x 8",
    "a-prepared": "(a) our client, prepared frames, 32 x 8",
    "a-one": "(a) `/score`, PNG of 600x400, 1 x 1",
    "b-png": "(b) vLLM's chat, PNG of 600x400, 1 x 32",
    "b-prepared": "(b) vLLM's chat, PNG of prepared frames, 1 x 32",
    "b-one": "(b) vLLM's chat, PNG of 600x400, 1 x 1",
    "c": "(c) vLLM offline, prepared frames, one batch",
    "d": "(d) the ancestor's loop, 24 tokens a step",
    "e-png": "(e) as published servers, PNG of 600x400, 32 x 8",
    "f": "(f) bare forward pass, best batch",
}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def bars_table(bars: Sequence[Bar]) -> str:
    """The ratios with their bars."""

    def limit(bar: Bar) -> str:
        return "" if bar.limit is None else f"{'≥' if bar.at_least else '≤'} {bar.limit:g}"

    return table(
        ["ratio or cost", "median (range)", "bar", ""],
        [[bar.what, str(bar.measured or ""), limit(bar), bar.verdict] for bar in bars],
    )


def ways_table(rows: Sequence[Row]) -> str:
    """Every contender's frames/s, latency, core time and memory: medians over the repeats."""
    by_name: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_name[row["name"]].append(row)
    lines = []
    for name, title in NAMES.items():
        if found := by_name.get(name):
            speed = Spread.of([row["frames_per_s"] for row in found])
            batch = f", batch {found[0]['batch_size']}" if "batch_size" in found[0] else ""
            lines.append(
                [
                    title + batch,
                    str(speed),
                    *(_ms(found, f"p{q}_s") for q in (50, 95, 99)),
                    _by_role(found, "core_ms_per_frame", "{:.1f}"),
                    _by_role(found, "peak_memory_mb", "{:.0f}"),
                ]
            )
    head = ["", "frames/s", "p50 ms", "p95 ms", "p99 ms", "core-ms a frame", "peak memory, MB"]
    return table(head, lines)


def grid_table(rows: Sequence[Row]) -> str:
    """Our server under each load: frames/s and p50 / p95."""

    def cell(row: Row) -> str:
        return f"{row['frames_per_s']:.0f} ({1000 * row['p50_s']:.0f} / {1000 * row['p95_s']:.0f} ms)"

    cells = {(r["name"], r["frames_per_request"], r["under_way"]): cell(r) for r in rows}
    under_way = sorted({row["under_way"] for row in rows})
    lines = [
        [f"{title}, {count} a request", *(cells.get((name, count, number), "") for number in under_way)]
        for name, title in (("grid-score", "PNG"), ("grid-client", "arrays"))
        for count in sorted({row["frames_per_request"] for row in rows if row["name"] == name})
    ]
    return table(["frames/s (p50 / p95)", *(f"{number} under way" for number in under_way)], lines)


def write_between(document: Path, name: str, text: str) -> None:
    """Replaces what stands between ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->``.

    Raises:
        ValueError: the document does not hold each of the two marks once, in this order.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before = document.read_text()
    if before.count(begin) != 1 or before.count(end) != 1 or before.index(begin) > before.index(end):
        raise ValueError(f"{document} must hold {begin} and {end} once each, in this order")
    head, rest = before.split(begin)
    document.write_text(f"{head}{begin}\n\n{text.strip()}\n\n{end}{rest.split(end)[1]}")


def _ms(rows: Sequence[Row], key: str) -> str:
    values = [1000 * row[key] for row in rows if row.get(key) is not None]
    return f"{median(values):.0f}" if values else ""


def _by_role(rows: Sequence[dict[str, Any]], key: str, form: str) -> str:
    roles: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for role, value in row[key].items():
            roles[role].append(value)
    return ", ".join(
        f"{role} {form.format(median(values))}"
        for role, values in roles.items()
        if role != "helper" or median(values) >= 50
    )
