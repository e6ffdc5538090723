"""Says what a run's labels show of the model's answers, in numbers and in sentences.

Not for measures (``measures.py``), for what is a warning (``warning_rules.py``), or for the page
(``run_report.py``). Nothing here is read by training.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from agent.reporting.measures import (
    Labels,
    agreement_of,
    best_constant,
    labels_of,
    status_counts,
    top_answer,
    wanted,
)
from agent.reporting.page.cost import cost_sentence
from agent.reporting.warning_rules import warnings_of
from agent.reporting.wording import frames, hundredths, percent, quoted
from reward_audit.measures.values import mean_absolute_error
from reward_client.rubric import Rubric
from reward_tasks.task import Task


def findings(
    rows: Sequence[Mapping[str, Any]], config: Mapping[str, Any], task: Task, question: Rubric | str | None
) -> dict[str, Any]:
    """What the labels of a run show, for ``summary.json``.

    Args:
        rows: the records of ``labels.jsonl``; none in the arms that ask no model.
        config: what the run's ``config.json`` holds.
        task: knows the truth.
        question: the exact text that was asked, or the rubric with it; None where nothing was asked.

    Returns:
        What JSON can hold; None where something cannot be told.

        - ``question``, ``labelled_frames``
        - ``top_answer``, the most frequent one; ``top_answer_share`` of the frames that were answered;
          ``distinct_answers``
        - ``reward_truth_tau_b``, Kendall's τ_b of the server's reward and ``reward_truth_of``;
          ``pairs_in_order``, the share of pairs of frames that both put in the same order
        - ``readings``: of each column that was read the mean absolute error, and that of the best constant
        - ``null_share`` of the frames; ``null_share_terminal``, of those at which an episode ended by its own
          rules; ``null_reasons``, each status with its most frequent message
        - ``warnings``, a list of sentences
    """
    labels = labels_of(rows, task)
    truth, name = wanted(task, labels.truth)
    answers = Counter(answer for answer in labels.answers if answer is not None)
    top, top_share = top_answer(labels.answers) or (None, None)
    readings = readings_of(labels, task)
    agreement = agreement_of(labels.rewards, truth)
    null, ends = ~labels.scored, labels.terminated
    return {
        "question": question.prompt if isinstance(question, Rubric) else question,
        "labelled_frames": len(rows),
        "top_answer": top,
        "top_answer_share": top_share,
        "distinct_answers": len(answers),
        "reward_truth_tau_b": agreement.tau_b,
        "pairs_in_order": agreement.pairs_in_order,
        "reward_truth_of": name or "the task's perfect reward",
        "readings": readings,
        "null_share": float(null.mean()) if len(null) else None,
        "null_share_terminal": float(null[ends].mean()) if ends is not None and ends.any() else None,
        "null_reasons": [
            asdict(one)
            for one in status_counts(
                itertools.compress(zip(labels.statuses, labels.messages, strict=True), null)
            )
        ],
        "warnings": warnings_of(
            labels,
            task,
            answers,
            readings,
            skips_ends=config["options"].get("null_terminal", "skip") == "skip",
        ),
    }


def sentences(found: Mapping[str, Any]) -> list[str]:
    """What was found and what it cost, a sentence for each thing, without the warnings.

    Args:
        found: what ``findings`` returned, or a summary that holds it.
    """
    cost = cost_sentence(found.get("usage"))
    told = [] if found["question"] is None else [f"Asked: {found['question']}"]
    if before := found.get("audit"):
        ranking, values = before["verdict"]["ranking"], before["verdict"]["values"]
        told.append(f"The audit before training: ranking {ranking}, values {values} ({before['page']}).")
    if found["labelled_frames"]:
        told += [_answered(found), _agreement(found), *map(_reading, found["readings"]), _nulls(found)]
    return [*(told or ["No model was asked."]), *([cost] if cost else [])]


def terminal_lines(summary: Mapping[str, Any]) -> list[str]:
    """The first lines for the terminal, in the words of the report: what was found and cost, then warnings.

    Args:
        summary: a run's, with its findings.
    """
    return [*sentences(summary), *(f"Warning: {warning}" for warning in summary["warnings"])]


def readings_of(labels: Labels, task: Task) -> list[dict[str, Any]]:
    """How far off readings are, beside the best answer that is the same for every frame."""
    found = []
    for column in task.columns:
        read, true = labels.readings(column), labels.truth[column.name]
        off = mean_absolute_error(read, true, column.period)
        if off is not None:
            here = ~np.isnan(read)
            constant = best_constant(true[here], column.period)
            blind = np.where(here, constant, np.nan)
            found.append(
                {
                    "title": column.title,
                    "unit": column.unit,
                    "frames": int(here.sum()),
                    "mean_absolute_error": off,
                    "best_constant": constant,
                    "best_constant_error": mean_absolute_error(blind, true, column.period),
                }
            )
    return found


def _answered(found: Mapping[str, Any]) -> str:
    if found["top_answer"] is None:
        return "No answer in words was kept."
    distinct = found["distinct_answers"]
    others = "there was no other" if distinct == 1 else f"there were {distinct} different answers"
    return (
        f"The most frequent answer, {quoted(found['top_answer'])}, was given to "
        f"{frames(found['top_answer_share'])}; {others}."
    )


def _agreement(found: Mapping[str, Any]) -> str:
    agreement, pairs, of = (found[key] for key in ("reward_truth_tau_b", "pairs_in_order", "reward_truth_of"))
    if pairs is None:
        return f"How well reward and truth agree cannot be told, since {of} is the same in every frame."
    if agreement is None:
        return f"The reward never changes: its Kendall's τ_b with {of} counts as 0, that of any constant."
    return (
        f"Kendall's τ_b of the reward and {of} is {hundredths(agreement)}, with {100 * pairs:.0f} of 100 "
        "pairs of frames in the same order; the best constant reward has 0, and 50 of 100."
    )


def _reading(reading: Mapping[str, Any]) -> str:
    error = f"{reading['mean_absolute_error']:.2f} {reading['unit']}"
    return (
        f"What was read of {reading['title']} is off by {error} on average; the best constant answer, "
        f"{reading['best_constant']:.3g}, is off by {reading['best_constant_error']:.2f}."
    )


def _nulls(found: Mapping[str, Any]) -> str:
    if not found["null_share"]:
        return "Every frame has a reward."
    at_ends = found["null_share_terminal"]
    ends = "" if at_ends is None else f" ({percent(at_ends)} of those at which an episode ends)"
    why = [
        f"{one['frames']} {one['status']}" + (f" ({quoted(one['message'])})" if one["message"] else "")
        for one in found["null_reasons"]
    ]
    return f"{percent(found['null_share'])} of the frames{ends} have no reward: {', '.join(why)}."
