"""Writes ``audit.html`` of one audit from the files in its folder. Computes no result.

Not for the pictures (``plots.py``), nor for what pages are made of (``reward_report.html``).
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from reward_audit.reporting.page_parts import NONE, mending_parts, number, success_parts
from reward_audit.reporting.plots import plot_reading, plot_spread
from reward_audit.reporting.samples import file_name
from reward_audit.rows import AUDIT_HTML, AUDIT_JSON, CALIBRATED, FRAMES, ROWS, Row, RowLog
from reward_audit.showing.conditions import SWEEP
from reward_report import html
from reward_report.text_file import write_text

TONES: dict[str, html.Tone] = {"trustworthy": "good", "usable with care": "good", "cannot tell": "bad"}
"""Of a verdict's names: green and amber. Every other one is refused, and red."""

MEANINGS = {
    "trustworthy": "It reads what the frame shows.",
    "usable with care": "It reads what the frame shows, with limits.",
    "collapsed": "It says the same, whatever the frame shows.",
    "ungrounded": "What it says has nothing to do with what is true.",
    "inverted": "It says the opposite of what is true.",
    "biased": "It is off by an offset or a scale.",
    "noisy": "It reads the frame, with errors that are too large.",
    "saturated": "It cannot tell many different frames apart.",
    "cannot tell": "There are too few answers to say.",
}
"""A verdict's names, for whoever reads nothing else."""

READ_BUT_WRONG = (
    "The values are read right: this question, or what is made of its answer, is wrong for this task."
)
"""Beside a refused order of rewards whose values are trusted."""

MOST_ANSWERS = 12

FILES = {
    ROWS: "All answers (rows)",
    AUDIT_JSON: "All results (JSON)",
    CALIBRATED: "The calibrated rubric (YAML)",
}
"""Files beside the page, and what a link to them says."""

TITLES = {
    "kendall_tau_b": "Kendall's τ_b",
    "spearman": "Spearman's rho",
    "pairwise_accuracy": "pairs in order",
    "mean_absolute_error": "mean error",
}


def write_report(folder: Path) -> Path:
    """Writes the page of an audit.

    Args:
        folder: the audit's, with its ``audit.json``, rows and frames.

    Returns:
        The file.
    """
    report = json.loads((folder / AUDIT_JSON).read_text())
    rows = RowLog(folder / ROWS).rows
    swept = [row for row in rows if row["condition"] == SWEEP.name]
    truth, unit = report["truth"], (report["truth"] or {}).get("unit")
    parts = [
        html.side_by_side(verdict_blocks(report["judgements"])),
        html.tiles(_tiles(report["measures"]["all"], swept, unit)),
        html.side_by_side(
            [
                html.figure_image(plot_reading(swept, truth), "what is true against what was read"),
                html.figure_image(
                    plot_spread(swept, truth), "how often each value is true, and how often read"
                ),
            ]
        ),
        html.paragraph("The exact prompt:"),
        html.quote(report["prompt"]),
        html.links([(words, name) for name, words in FILES.items() if (folder / name).exists()]),
        html.section("Scores beside their nulls", _scores(report["measures"], unit)),
        html.section("Does it know a success?", *success_parts(report["success"])),
        html.section("Answers, verbatim", html.bars(_answers(swept))),
        html.section("Frames and verbatim answers", _grid(folder, rows, report)),
        html.section(
            "Nulls: there is nothing to see, so a score is chance",
            _conditions(report["nulls"], report["told"], unit),
        ),
        html.section(
            "Controls: the right answer is known", _conditions(report["controls"], report["told"], unit)
        ),
        html.section(
            "Robustness: the frame shows the same",
            _conditions(report["robustness"], report["told"], unit),
        ),
        html.section("Calibration and abstention", *mending_parts(report)),
        html.section("The rules behind the verdict", *_rules(report["judgements"])),
        html.section(
            "What was asked of whom",
            html.record(_setting(report)),
            html.folded("Rubric", html.record(report["rubric"])),
        ),
    ]
    path, options = folder / AUDIT_HTML, report["options"]
    title = f"Audit of {options['rubric']} on {options['task']}"
    write_text(path, html.page(title, parts, _tone(report["verdict"]["ranking"])))
    return path


def verdict_blocks(judgements: Mapping[str, Any]) -> list[Markup]:
    """Both conclusions, a block each, with their reasons."""
    blocks = []
    right = TONES.get(judgements["values"]["name"]) == "good"
    for key, title in (("ranking", "Order of the rewards"), ("values", "Values")):
        name = judgements[key]["name"]
        rule = f"{judgements[key]['rule']}."
        rule = rule[:1].upper() + rule[1:]
        care = name == "usable with care"
        wrong_question = key == "ranking" and name not in TONES and right
        facts = [MEANINGS[name], *([] if care else [rule]), *([READ_BUT_WRONG] if wrong_question else [])]
        blocks.append(html.result(_tone(name), f"{title}: {name.upper()}", facts, [rule] if care else []))
    return blocks


def _tone(name: str) -> html.Tone:
    return TONES.get(name, "broken")


def _tiles(measures: Mapping[str, Any], swept: Sequence[Row], unit: str | None) -> list[tuple[str, str]]:
    """The figures of the whole sweep, each beside that of frames that show nothing."""
    tiles = [("frames of known truth", str(len(swept)))]
    for name in ("pairwise_accuracy", "kendall_tau_b", "mean_absolute_error"):
        score = measures[name]
        if score["score"] is not None:
            beside = "" if score["null"] is None else f"; the strongest null has {number(score['null'])}"
            tiles.append((f"{_named(name, unit)}{beside}", number(score["score"])))
    tiles.append(("of the frames without a reward", f"{100 * (measures['unscored'] or 0.0):.0f} %"))
    if answers := Counter(row["text"] for row in swept if row["text"] is not None):
        ((_, count),) = answers.most_common(1)
        tiles.append(("of answers are the most frequent one", f"{100 * count / answers.total():.0f} %"))
    return tiles


def _answers(swept: Sequence[Row]) -> list[tuple[str, float, str]]:
    """The most frequent answers to the sweep, and what the others are together."""
    counts = Counter(row["text"] for row in swept if row["text"] is not None).most_common()
    shown = [(f'"{text}"', count) for text, count in counts[:MOST_ANSWERS]]
    if len(counts) > MOST_ANSWERS:
        others = counts[MOST_ANSWERS:]
        shown.append((f"{len(others)} rarer answers", sum(count for _, count in others)))
    return [
        (text, count / len(swept), f"{100 * count / len(swept):.0f} % ({count})") for text, count in shown
    ]


def _scores(measures: Mapping[str, Any], unit: str | None) -> Markup:
    rows = []
    for part, title in (
        ("all", "all states"),
        ("grid", "all over the task"),
        ("visited", "where policies go"),
    ):
        for name in TITLES:
            score = measures[part][name]
            if score["score"] is None and score["null"] is None:
                continue
            rows.append(
                (
                    title,
                    measures[part]["frames"],
                    _named(name, unit),
                    number(score["score"]),
                    f"{number(score['null'])} {_words(score['strongest_null'])}",
                    number(score["minus_null"]),
                    number(score["p"]),
                )
            )
    if not rows:
        return html.paragraph("No frame has a reward, so there is no score.")
    head = ("states", "frames", "measure", "score", "strongest null", "better by", "p")
    return html.table(head, rows)


def _conditions(found: Mapping[str, Any], told: Mapping[str, str], unit: str | None) -> Markup:
    rows = []
    for name, scores in found.items():
        answer = scores["most_frequent"]
        rows.append(
            (
                name.replace("_", " "),
                told[name],
                scores["frames"],
                f"{100 * (scores['unscored'] or 0.0):.0f} %",
                f'"{answer[0][0]}" {answer[0][1]} times' if answer else NONE,
                *_triple(scores["kendall_tau_b"]),
                *_triple(scores["mean_absolute_error"]),
            )
        )
    error = _named("mean_absolute_error", unit)
    head = (
        *("", "shown or asked", "frames", "no reward", "commonest answer"),
        *("τ_b", "as it is", "better by", "p"),
        *(error, "as it is", "better by", "p"),
    )
    return html.table(head, rows) if rows else Markup()


def _triple(score: Mapping[str, float | None]) -> tuple[str, ...]:
    return tuple(number(score[key]) for key in ("score", "sweep", "sweep_minus_this", "p"))


def _grid(folder: Path, rows: Sequence[Row], report: Mapping[str, Any]) -> Markup:
    """The frames that were kept, those of the sweep first and by what is true."""
    truth = report["truth"]
    key = "oracle" if truth is None else f"true_{truth['name']}"
    kept = [row for row in rows if (folder / FRAMES / file_name(row)).is_file()]
    kept.sort(key=lambda row: row[key] if row["condition"] == SWEEP.name else math.inf)
    return html.grid(
        [
            html.file_image(
                folder / FRAMES / file_name(row),
                row["condition"],
                _caption(row, truth, report["told"], report["nulls"]),
            )
            for row in kept
        ]
    )


def _caption(
    row: Row, truth: Mapping[str, Any] | None, told: Mapping[str, str], nulls: Container[str]
) -> str:
    """The model's own words about a frame, the reward that they became, and what is true of what it shows."""
    reward = "null" if row["reward"] is None else f"{row['reward']:.3f}"
    lines = [f'"{row["text"] or ""}" → reward {reward} ({row["status"]})']
    if truth is not None and row["condition"] not in nulls:
        true = row[f"true_{truth['name']}"]
        lines.append(f"true {truth['title']} {true:+.2f} {truth['unit']}")
    if row["condition"] != SWEEP.name:
        lines.insert(0, f"{row['condition'].replace('_', ' ')}: {told[row['condition']]}")
    return "\n".join(lines)


def _rules(judgements: Mapping[str, Any]) -> Iterable[Markup]:
    for key, judgement in judgements.items():
        yield html.paragraph(f"{key}: {judgement['name']}. {judgement['rule']}")
        yield html.table(("measured", ""), [(k, number(v)) for k, v in judgement["numbers"].items()])


def _setting(report: Mapping[str, Any]) -> dict[str, object]:
    split = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in report["split"].items())
    return {
        **report["server"],
        **report["options"],
        "reward_id": report["reward_id"],
        "frames_by_source_and_condition": split,
    }


def _named(name: str, unit: str | None) -> str:
    return f"{TITLES[name]} ({unit})" if name == "mean_absolute_error" and unit else TITLES[name]


def _words(name: str | None) -> str:
    return "" if name is None else f"({name.replace('_', ' ')})"
