"""The command ``reward labels``: the rows of a run's ``labels.jsonl`` as a table.

Not for what they show as a whole (``watching/``, and the run's report).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.config import ConfigError, task_of
from agent.recording.run_folder import CONFIG, LABELS
from reward_cli.parsing import EXIT_FAILED, Parser, whole_number
from reward_cli.run_choice import RowReader, RunChoiceError, find_run, read_json
from reward_client.schema import ItemStatus
from reward_tasks.task import Task

NULL = "null"
"""Asks for every status but ``ok``."""

WIDE = 100
"""Characters of a terminal from which every truth of a row has its column."""

ANSWER_CHARS = 20
MESSAGE_CHARS = 40
Row = dict[str, Any]


def labels(arguments: Sequence[str]) -> int:
    """Prints rows of a run's labels.

    Returns:
        The exit code.
    """
    options = _parser().parse(arguments)
    try:
        folder = find_run(options.run)
        reader = RowReader(folder / LABELS)
        reader.read()
        config = read_json(folder / CONFIG) or {}
        rows = [row for row in reader.rows if _has_status(row, options.status)]
        if options.worst is None:
            chosen = rows[: options.head]
            how = f"the first {len(chosen)}" if len(chosen) < len(rows) else "all"
        else:
            if not rows:
                raise _NoTruthError("--worst: there are no such labels")
            try:
                task = task_of(config["options"])
            except (KeyError, TypeError) as error:
                raise _NoTruthError(f"--worst: {folder / CONFIG} does not say the task") from error
            off, title = distances(rows, task)
            chosen = worst(rows, off, options.worst)
            how = f"the {len(chosen)} with the largest {title}"
    except (ConfigError, RunChoiceError, _NoTruthError) as problem:
        print(f"reward labels: {problem}", file=sys.stderr)
        return EXIT_FAILED
    console = Console(highlight=False)
    if chosen:
        console.print(_table(chosen, console.width))
    kind = "" if options.status is None else f" with the status {options.status}"
    console.print(Text(f"{len(rows)} of {len(reader.rows)} labels{kind}; shown: {how}", style="dim"))
    return 0


class _NoTruthError(Exception):
    """What was read in a run cannot be compared with what was true."""


def distances(rows: Sequence[Row], task: Task) -> tuple[NDArray[np.float64], str]:
    """How far each row's answer is from the truth.

    Args:
        rows: of ``labels.jsonl``.
        task: knows the truth.

    Returns:
        ``(N,)``, NaN where nothing was read; and what it is: the error of what was read where the task has a
        truth in its unit, else that of the reward against the task's perfect one.

    Raises:
        _NoTruthError: neither can be told.
    """
    from agent.reporting.measures import error, labels_of, wanted  # noqa: PLC0415 - SciPy takes seconds to import

    columns = labels_of(rows, task)
    for column in task.columns:
        read = columns.readings(column)
        if not np.isnan(read).all():
            off = np.abs(error(columns.truth[column.name], read, column.period))
            return off, f"error of {column.title} in {column.unit}"
    perfect, name = wanted(task, columns.truth)
    if name is not None or np.isnan(columns.rewards).all():
        raise _NoTruthError("--worst: nothing that was read in this run can be compared with the truth")
    return np.abs(columns.rewards - perfect), "difference of reward and perfect reward"


def worst(rows: Sequence[Row], off: NDArray[np.float64], count: int) -> list[Row]:
    """The rows that are furthest off, the worst first, each with its ``error``; without one they stay out."""
    order = [place for place in np.argsort(-off, kind="stable") if not np.isnan(off[place])]
    return [{**rows[place], "error": float(off[place])} for place in order[:count]]


def _has_status(row: Row, wanted_status: str | None) -> bool:
    status = row.get("status")
    return wanted_status in {None, status} or (wanted_status == NULL and status != ItemStatus.OK.value)


def _table(rows: Sequence[Row], width: int) -> Table:
    truths = [key for key in rows[0] if key.startswith("true_")]
    truths = truths if width >= WIDE else truths[:1]  # the first one is what a picture shows above all
    numbers = ["step", "episode", "value", *truths, "error", "label_mass", "reward"]
    names = ["step", "episode", "answer", *numbers[2:]]
    if all(row.get("reward") is None for row in rows):
        names.append("message")
    cells = [_cells(row, names) for row in rows]
    kept = [place for place in range(len(names)) if any(row[place].plain for row in cells)]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for place in kept:
        table.add_column(
            names[place].replace("_", " "),
            justify="right" if names[place] in numbers else "left",
            no_wrap=names[place] != "message",
            overflow="ellipsis",
        )
    for row in cells:
        table.add_row(*(row[place] for place in kept))
    return table


def _cells(row: Row, names: Sequence[str]) -> list[Text]:
    unit = row.get("unit") or ""
    shown = {
        **row,
        "answer": cut(row.get("text"), ANSWER_CHARS),
        "message": cut(row.get("message"), MESSAGE_CHARS),
        "value": "" if row.get("value") is None else f"{row['value']:.3g} {unit}".rstrip(),
    }
    cells = [Text(_shown(shown.get(name))) for name in names]
    if row.get("reward") is None:
        cells[names.index("reward")] = Text(str(row.get("status")), style="red")
    return cells


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def cut(text: str | None, chars: int) -> str:
    """A text on one line, cut where it is long.

    >>> cut("It leans" + chr(10) + "left.", 12)
    'It leans le…'
    """
    words = " ".join((text or "").split())
    return words if len(words) <= chars else f"{words[: chars - 1]}…"


def _parser() -> Parser:
    statuses = [status.value for status in ItemStatus]
    parser = Parser(
        "labels",
        "Prints the answers of a run, with what was true beside them.",
        "RUN [OPTIONS]",
        "example:\n  reward labels runs/demo --worst 10\n",
    )
    parser.add_argument("run", metavar="RUN", help="folder of the run, such as runs/demo")
    parser.add_argument(
        "--status",
        choices=[*statuses, NULL],
        metavar="STATUS",
        help=f"only these: {', '.join(statuses)}, or {NULL} for all without a reward",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--head", type=whole_number(1), default=20, metavar="N", help="the first N (20)")
    which.add_argument(
        "--worst", type=whole_number(1), metavar="N", help="the N whose answer is furthest from the truth"
    )
    return parser
