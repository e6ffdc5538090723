"""Writes ``report.html`` of a run that goes on, from what its files hold so far: a program of its own.

Not for a finished run (``run_report.py``).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.config import task_of
from agent.recording.run_folder import CONFIG, LABELS, METRICS, REPORT, read_json, read_rows
from agent.reporting.findings import findings
from agent.reporting.measures import labels_of
from agent.reporting.run_report import run_page
from reward_report.text_file import write_text

LOAD_AGAIN_S = 60
"""Time after which a browser loads the page again."""


def write_running_report(folder: Path) -> None:
    """Writes the page of a run so far; it says that the run goes on, and when it was written.

    Args:
        folder: the run's. It needs no summary. Where another run takes its place meanwhile, nothing is
            written.
    """
    ours, config = (folder / METRICS).stat(), read_json(folder / CONFIG)
    metrics, rows = read_rows(folder / METRICS), read_rows(folder / LABELS)
    question = (config.get("rubric") or {}).get("prompt") or config["options"]["prompt"]
    task = task_of(config["options"])
    found = findings(rows, config, task, question)
    found["warnings"] += [f"at step {row['step']}: {row['warning']}." for row in metrics if "warning" in row]
    summary = {**running_summary(config, metrics), **found}
    page = run_page(folder, summary, config, metrics, labels_of(rows, task), LOAD_AGAIN_S)
    if os.path.samestat(ours, (folder / METRICS).stat()):
        write_text(folder / REPORT, page)


def running_summary(config: Mapping[str, Any], metrics: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What ``summary.json`` would hold of the run so far, without its findings.

    Args:
        config: what ``config.json`` holds.
        metrics: the records of ``metrics.jsonl`` so far.
    """
    options, server = config["options"], config.get("server") or {}
    seconds = [row["charts/wall_clock_s"] for row in metrics if "charts/wall_clock_s" in row]
    return {
        "under_way": time.strftime("%Y-%m-%d %H:%M:%S"),
        "solved": False,
        "mean_return": None,
        "min_return": None,
        "eval_episodes": 0,
        "task": options["task"],
        "env_steps": metrics[-1]["step"] if metrics else 0,
        "planned_steps": options["env_steps"],
        "train_wall_clock_s": seconds[-1] if seconds else None,
        "arm": options["arm"],
        "model": server.get("model"),
        "seed": options["seed"],
        "error": None,
    }


if __name__ == "__main__":
    write_running_report(Path(sys.argv[1]))
