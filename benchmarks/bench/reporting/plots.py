"""Plots of how cost grows, as PNG files beside the document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.bench.parts.field import TITLES

Row = dict[str, Any]
WAYS = {
    "score": ("(a) from PNG", "tab:blue"),
    "client": ("(a) our client, arrays", "tab:green"),
    "chat": ("(b) vLLM's chat, one frame each", "tab:orange"),
}


def draw(found: dict[str, Any], folder: Path) -> list[Path]:
    """Draws every plot that there is something for.

    Args:
        found: what the results file holds.
        folder: receives ``bench-*.png``.

    Returns:
        The files.
    """
    growth = found["growth"] or {}
    figures: dict[str, Figure] = {}
    if "batch" in growth:
        figures["batch"] = _frames_per_s(
            growth["batch"], lambda row: row["frames_per_request"], "frames a request (8 requests under way)"
        )
    if "under_way" in growth:
        figures["under-way"] = _frames_per_s(
            growth["under_way"], lambda row: row["under_way"], "requests under way ((a): 8 frames each)"
        )
    if "size" in growth:
        figures["frame-size"] = _frames_per_s(
            growth["size"], lambda row: int(row["frame"].split("x")[0]), "width of a frame, pixels"
        )
    if "offered" in growth:
        figures["latency"] = _latency(growth["offered"])
    figures["start-up"] = _start_up(found["start_up_s"])
    files = []
    for name, figure in figures.items():
        files.append(folder / f"bench-{name}.png")
        figure.savefig(files[-1], metadata={"Software": None})
    return files


def _new(columns: int = 1) -> tuple[Figure, Any]:
    figure = Figure(figsize=(6.0 * columns, 3.6), dpi=100, layout="constrained")
    return figure, figure.subplots(1, columns)


def _frames_per_s(rows: Sequence[Row], across: Callable[[Row], int], label: str) -> Figure:
    figure, axes = _new()
    for way, (title, colour) in WAYS.items():
        points = sorted((across(row), row["frames_per_s"]) for row in rows if row["way"] == way)
        if points:
            axes.plot(*zip(*points, strict=True), "o-", color=colour, label=title)
    ticks = sorted({across(row) for row in rows})
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel(label)
    _finish(axes, "frames/s")
    return figure


def _latency(rows: Sequence[Row]) -> Figure:
    """Latency and goodput against offered load, past saturation."""
    figure, (left, right) = _new(columns=2)
    offered = [row["offered_per_s"] for row in rows]
    for key, title in (("p50_s", "p50"), ("p95_s", "p95")):
        points = [(x, 1000 * row[key]) for x, row in zip(offered, rows, strict=True) if row[key] is not None]
        if points:
            left.plot(*zip(*points, strict=True), "o-", label=f"{title} of the answers in time")
    right.plot(offered, [row["good_per_s"] for row in rows], "o-", label="answered in time")
    right.plot(offered, offered, ":", color="grey", label="offered")
    for axes in (left, right):
        axes.axvline(rows[0]["capacity_per_s"], color="grey", linewidth=1)
        axes.set_xlabel("offered load, frames/s (line: capacity)")
    _finish(left, "latency, ms")
    _finish(right, "goodput, frames/s")
    return figure


def _start_up(start_up_s: dict[str, float]) -> Figure:
    figure, axes = _new()
    names = list(reversed(start_up_s))
    shown = axes.barh(
        [TITLES[name].split(",")[0].split(":")[0] for name in names], [start_up_s[n] for n in names]
    )
    axes.bar_label(shown, fmt="%.0f s", padding=3)
    axes.set_xlabel("from the start until ready, s")
    axes.margins(x=0.12)
    return figure


def _finish(axes: Axes, label: str) -> None:
    axes.set_ylabel(label)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
