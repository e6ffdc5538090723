"""What the live page of a run shows, as JSON can hold it. Pure: a state in, a dictionary out.

Not for reading files (``run_state.py``) or for the terminal (``view.py``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from agent.recording.run_folder import ANIMATION, REPORT, linked
from agent.reporting.page.cost import cost_sentence
from agent.reporting.wording import percent
from reward_cli.watching.run_state import RunState, is_number
from reward_cli.watching.wording import description, headline, tone

ALSO_LINKED = {REPORT: "Report", ANIMATION: "Animation"}
"""What this page leads to, and the report does not."""

MAX_POINTS = 300
"""Of a curve: more are no sharper on a screen; neighbours are averaged."""

BINS = 24
SHOWN_ANSWERS = 8
SHOWN_LABELS = 3
LEAST_PROBABILITY = 0.01
"""Of a label that is shown below a frame."""

MODE_PARTS = 40
"""Equal parts of the labels so far, each with its share of the most frequent answer."""

FEWEST_IN_PART = 25
FRAMES = 12

CURVES = {
    "true": "charts/episodic_return",
    "model": "charts/vlm_return",
    "greedy": "eval/mean_return",
}
"""Curves of returns, and the metric that each of them shows."""

Curve = list[list[float]]
"""Steps and values, ``[[step, value], ...]``."""


def snapshot(state: RunState) -> dict[str, Any]:
    """Everything that the page shows.

    Args:
        state: of the run, as far as it is read.
    """
    rewards, answers = state.rewards, state.answers
    return {
        "name": state.folder.name,
        "description": description(state),
        "tone": tone(state),
        "headline": headline(state),
        "is_over": state.summary is not None,
        "steps": state.steps,
        "planned_steps": state.planned_steps,
        "share_done": state.share_done,
        "figures": _figures(state, rewards, answers),
        "warnings": state.warnings,
        "curves": {name: curve(state.points(metric)) for name, metric in CURVES.items()},
        "solved_return": state.solved_return,
        "rewards": _histogram(rewards),
        "answers": _answers(answers),
        "mode_share": mode_share(state.labels),
        "frames": [_frame(row) for row in reversed(state.frames[-FRAMES:])],
        "frames_are_newest": state.frames_are_newest,
        "cost": cost_sentence((state.summary or {}).get("usage")),
        "files": [{"name": name, "words": words} for name, words in _files(state).items()],
    }


def curve(points: Sequence[tuple[float, float]]) -> Curve:
    """Points of a curve, at most ``MAX_POINTS``: means of neighbours where there are more.

    >>> curve([(1.0, 2.0), (2.0, 4.0)])
    [[1.0, 2.0], [2.0, 4.0]]
    """
    if len(points) <= MAX_POINTS:
        return [[float(step), float(value)] for step, value in points]
    parts = np.array_split(np.asarray(points, dtype=np.float64), MAX_POINTS)
    return [[float(x) for x in part.mean(axis=0).round(3)] for part in parts]


def _files(state: RunState) -> dict[str, str]:
    pages = {name: words for name, words in ALSO_LINKED.items() if (state.folder / name).is_file()}
    return pages | linked(state.folder, state.summary or {})


def _figures(state: RunState, rewards: Sequence[float], answers: Counter[str]) -> list[dict[str, str]]:
    """Names and values of what is told at a glance."""
    found: list[tuple[str, str]] = []
    for name, metric in (("true return", CURVES["true"]), ("VLM return", CURVES["model"])):
        if recent := state.series(metric)[-10:]:
            found.append((f"{name}, last {len(recent)} episodes", f"{sum(recent) / len(recent):.1f}"))
    if greedy := state.series(CURVES["greedy"]):
        found.append(("true return, last greedy evaluation", f"{greedy[-1]:.1f}"))
    if pace := state.series("charts/SPS"):
        found.append(("steps a second", f"{pace[-1]:.0f}"))
    count = len(state.labels)
    if count:
        nulls = count - len(rewards)
        found += [("labels spent", str(count)), ("of them without a reward", percent(nulls / count))]
    if rewards:
        found.append(("mean reward", f"{sum(rewards) / len(rewards):.2f}"))
    if answers:
        share = answers.most_common(1)[0][1] / answers.total()
        found.append(("of answers are the most frequent one", percent(share)))
    return [{"name": name, "value": value} for name, value in found]


def _histogram(rewards: Sequence[float]) -> dict[str, Any] | None:
    if not rewards:
        return None
    low, high = min(rewards), max(rewards)
    if low == high:  # NumPy would make a range around the value
        return {"counts": [len(rewards)], "low": low, "high": high}
    counts, _ = np.histogram(np.asarray(rewards, dtype=np.float64), bins=BINS)
    return {"counts": counts.tolist(), "low": low, "high": high}


def _answers(counts: Counter[str]) -> list[dict[str, Any]]:
    return [
        {"text": " ".join(text.split()), "count": count, "share": percent(count / counts.total())}
        for text, count in counts.most_common(SHOWN_ANSWERS)
    ]


def mode_share(labels: Sequence[Mapping[str, Any]]) -> Curve:
    """The share of the most frequent answer in equal parts of the labels, over steps.

    >>> mode_share([{"step": 1, "text": "5"}, {"step": 2, "text": "5"}])
    [[2.0, 1.0]]
    """
    parts = max(1, min(MODE_PARTS, len(labels) // FEWEST_IN_PART))
    found = []
    for part in np.array_split(np.arange(len(labels)), parts):
        texts = [text for i in part if (text := (labels[i].get("text") or "").strip())]
        if texts:
            ((_, most),) = Counter(texts).most_common(1)
            found.append([float(labels[part[-1]].get("step", 0)), round(most / len(texts), 4)])
    return found


def _frame(row: Mapping[str, Any]) -> dict[str, Any]:
    shown = ("image", "step", "episode", "text", "value", "unit", "reward", "status", "message")
    return {
        **{key: row.get(key) for key in shown},
        "truth": {key.removeprefix("true_").replace("_", " "): row[key] for key in _truths(row)},
        "probabilities": _most_probable(row.get("probabilities")),
    }


def _truths(row: Mapping[str, Any]) -> Iterable[str]:
    return [key for key in row if key.startswith("true_") and is_number(row[key])][:1]


def _most_probable(probabilities: Mapping[str, float] | None) -> list[list[str | float]]:
    if not probabilities:
        return []
    most = sorted(probabilities.items(), key=lambda item: -item[1])[:SHOWN_LABELS]
    return [[label, round(p, 3)] for label, p in most if p >= LEAST_PROBABILITY]
