"""What was found of the served model, in Markdown. Measures nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.bench.reporting.tables import table

Row = Mapping[str, Any]

NOT_KNOWN = "-"


def performance_text(found: Mapping[str, Any]) -> str:
    """The long table.

    Args:
        found: what the results file holds: ``machine_sentence``, ``model_sentence``, ``start_up_s``,
            ``peak_memory_mb`` and ``rows``, the fields of ``questions.Row``.
    """
    head = ["asked about one fresh frame", "seconds", "passes", "tokens", "label mass", "status"]
    lines = [
        found["machine_sentence"],
        found["model_sentence"],
        "",
        table(head, [_cells(row) for row in found["rows"]]),
        "",
        _start_and_memory(found),
    ]
    for row in found["rows"]:
        if row["alone_s"] is not None and row["seconds"]:
            ratio = row["alone_s"] / row["seconds"]
            lines += [
                "",
                f"The questions of the last request, each in one of its own, took {row['alone_s']:.1f} s: "
                f"to share the frame is {ratio:.1f} times as fast.",
            ]
    return "\n".join(lines)


def models_text(found: Mapping[str, Any]) -> str:
    """The short table, of the rubrics alone, and what the machine needs."""
    rows = [row for row in found["rows"] if row["asked"].startswith("`cartpole-")]
    return "\n".join(
        [
            f"{found['machine_sentence']} {found['model_sentence']}",
            "",
            table(["rubric", "seconds a frame", "passes"], [_cells(row)[:3] for row in rows]),
            "",
            _start_and_memory(found),
        ]
    )


def _start_and_memory(found: Mapping[str, Any]) -> str:
    memory = ", ".join(
        f"{role} {mb / 1000:.1f} GB" for role, mb in found["peak_memory_mb"].items() if role != "helper"
    )
    return f"Start-up: {found['start_up_s']:.0f} s. Largest resident memory of each process: {memory}."


def _cells(row: Row) -> Sequence[str]:
    passes = _shown(row["passes"], "{}")
    if row["most_passes"] is not None and row["passes"] is not None:
        passes += f" of {row['most_passes']}"
    return (
        row["asked"],
        _shown(row["seconds"], "{:.1f}"),
        passes,
        _shown(row["tokens"], "{}"),
        _shown(row["label_mass"], "{:.2g}"),
        f"`{row['status']}`",
    )


def _shown(value: float | None, form: str) -> str:
    return NOT_KNOWN if value is None else form.format(value)
