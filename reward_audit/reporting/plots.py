"""Draws an audit's pictures. Reads what was answered; computes no result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reward_audit.rows import Row
from reward_report.figures import BLUE, GREEN, GREY, LEAST_TO_MOST, look, new_figure

Floats = NDArray[np.float64]

BINS = 60
"""On each side of the picture of true against read."""

NAMED_SHARE = 0.15
"""Answers that are at least so frequent are written beside their stripe ..."""

NAMED_SPREAD = 0.5
"""... where what is true of their frames is spread by more than this part of the whole spread."""

SPREAD_BINS = 40
RIGHT, READ, TRUE, MISSING = GREEN, BLUE, "#a9b0b7", GREY


@look
def plot_reading(rows: Sequence[Row], truth: Mapping[str, Any] | None) -> Figure | None:
    """What is true against what was read, coloured by count; a right answer lies on the green line.

    Args:
        rows: the sweep's.
        truth: the column of the task's truth that values are held against; None: rewards against the
            oracle's.

    Returns:
        The figure; None where nothing was read.
    """
    true, read, answers = _pairs(rows, truth)
    if not len(true):
        return None
    figure = new_figure(4.0)
    axes = figure.subplots()
    low, high = float(min(true.min(), read.min())), float(max(true.max(), read.max()))
    margin = 0.07 * (high - low) or 1.0
    low, high = low - margin, high + margin
    axes.plot([low, high], [low, high], color=RIGHT, lw=9, alpha=0.35, solid_capstyle="butt", zorder=1)
    axes.set_title("right answers lie on the green line", loc="right", color=RIGHT, fontsize=10)
    counts, across, up = np.histogram2d(true, read, BINS, [[low, high], [low, high]])
    at = np.nonzero(counts)
    dots = axes.scatter(
        (across[at[0]] + across[at[0] + 1]) / 2,
        (up[at[1]] + up[at[1] + 1]) / 2,
        c=counts[at],
        s=14,
        marker="s",
        cmap=LEAST_TO_MOST,
        norm=LogNorm(1, max(2.0, counts.max())),
        zorder=2,
    )
    ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500) if tick <= counts.max()]
    bar = figure.colorbar(dots, label="frames", fraction=0.045, pad=0.02, ticks=ticks, format="%d")
    bar.minorticks_off()
    for words, level in _stripes(answers, true, read):
        axes.annotate(words, (low, level), xytext=(6, 8), textcoords="offset points", zorder=3)
    missing = len(rows) - len(true)
    if missing:
        unread = [row[_keys(truth)[0]] for row in rows if row["reward"] is None]
        axes.plot(unread, [low + 0.2 * margin] * len(unread), "|", color=MISSING, ms=9, zorder=2)
        words = (
            f"{100 * missing / len(rows):.0f} % of the frames have no reward (|)\n"  # above the other title
        )
        axes.set_title(words, loc="left", color=MISSING, fontsize=10)
    axes.set(xlim=(low, high), ylim=(low, high))
    what, unit = ("reward", "") if truth is None else (truth["title"], f" ({truth['unit']})")
    axes.set_xlabel(f"true {what}{unit}")
    axes.set_ylabel(f"{what} as read{unit}" if truth else "reward that the model gave")
    return figure


@look
def plot_spread(rows: Sequence[Row], truth: Mapping[str, Any] | None) -> Figure | None:
    """How often each value is true, and how often it was read.

    Args:
        rows: the sweep's.
        truth: as for ``plot_reading``.

    Returns:
        The figure; None where nothing was read.
    """
    true, read, _ = _pairs(rows, truth)
    if not len(true):
        return None
    figure = new_figure(4.0)
    axes = figure.subplots()
    reach = float(min(true.min(), read.min())), float(max(true.max(), read.max())) + 1e-9
    axes.hist(true, SPREAD_BINS, range=reach, color=TRUE, label="true")
    axes.hist(read, SPREAD_BINS, range=reach, color=READ, alpha=0.7, label="read" if truth else "given")
    axes.set_xlabel("reward" if truth is None else f"{truth['title']} ({truth['unit']})")
    axes.set_ylabel("frames")
    axes.set_title("how often each value is true, and read" if truth else "how often each reward is true")
    axes.legend()
    return figure


def _keys(truth: Mapping[str, Any] | None) -> tuple[str, str]:
    """The columns of a row that are drawn: what is true, and what came."""
    return ("oracle", "reward") if truth is None else (f"true_{truth['name']}", "value")


def _pairs(rows: Sequence[Row], truth: Mapping[str, Any] | None) -> tuple[Floats, Floats, list[str]]:
    """True and read values ``(N,)`` of the frames that have a reward, and their answers."""
    key, given = _keys(truth)
    there = [row for row in rows if row["reward"] is not None and row[given] is not None]
    true = np.array([row[key] for row in there], dtype=np.float64)
    read = np.array([row[given] for row in there], dtype=np.float64)
    return true, read, [row["text"] or "" for row in there]


def _stripes(answers: Sequence[str], true: Floats, read: Floats) -> list[tuple[str, float]]:
    """The answers that are said very often and to very different frames, in words, with their height."""
    # Answers that are read alike share a line: their words would lie over another.
    found: dict[float, str] = {}
    for answer, count in Counter(answers).most_common(3):
        said = np.array([given == answer for given in answers])
        if count / len(answers) >= NAMED_SHARE and true[said].std() > NAMED_SPREAD * true.std():
            words = f'"{_short(answer)}": {100 * count / len(answers):.0f} % of all answers'
            height = float(np.median(read[said]))
            found[height] = f"{found[height]}; {words}" if height in found else words
    return [(words, height) for height, words in found.items()]


def _short(text: str) -> str:
    line = " ".join(text.split())
    return (line if len(line) <= 24 else line[:23] + "…").replace("$", r"\$")
