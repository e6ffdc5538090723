"""Writes the results of an experiment: ``experiment.json``, ``table.md``, ``report.html``.

Not for its table (``results.py``) and verdicts (``verdict.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from markupsafe import Markup

from agent.config import TrainConfig
from agent.experiment.plots import plot_curves, plot_scores
from agent.experiment.random_policy import EPISODES, random_return
from agent.experiment.results import (
    HEAD,
    LEGEND,
    FinishedRun,
    cells,
    finals_of,
    markdown,
    read_runs,
    scores_of,
    table_rows,
    verdicts_of,
)
from agent.experiment.seed_statistics import Interval
from agent.experiment.verdict import Verdict
from agent.recording.provenance import described, origins
from agent.recording.run_folder import CONFIG, LABELS, REPORT, read_json, read_rows
from agent.reporting.measures import labels_of
from agent.reporting.page.cost import cost_sentence
from agent.reporting.page.evidence import sample_grid, truth
from reward_report import html
from reward_report.json_file import write_json
from reward_report.text_file import write_text
from reward_tasks.task import Task

TABLE, RESULTS = "table.md", "experiment.json"


def write_report(folder: Path, plan: Sequence[TrainConfig], minutes: float) -> str:
    """Writes ``experiment.json``, ``table.md`` and ``report.html``.

    Args:
        folder: of the experiment.
        plan: all of its runs, finished or not.
        minutes: how long this call took.

    Returns:
        The Markdown table with the verdicts.

    Raises:
        MixedRewardsError: the runs' rewards are not the same quantity.
    """
    runs = read_runs(plan)
    random_returns = {config.task: random_return(config) for config in _one_of_each_task(plan)}
    rows, verdicts = table_rows(runs), verdicts_of(plan, runs, random_returns)
    text = markdown(rows, verdicts, _floor(random_returns))
    (folder / TABLE).write_text(text, encoding="utf-8")
    content = {
        "runs_planned": len(plan),
        "runs_finished": len(runs),
        "minutes_of_this_call": round(minutes, 1),
        "random_returns": random_returns,
        "rows": [{**row, **{key: _plain(row[key]) for key in ("score", "final")}} for row in rows],
        "verdicts": [asdict(one) for one in verdicts],
    }
    write_json(folder / RESULTS, content)
    write_text(folder / REPORT, _page(folder, plan, runs, rows, verdicts, random_returns))
    return text


def _one_of_each_task(plan: Sequence[TrainConfig]) -> list[TrainConfig]:
    return list({config.task: config for config in plan}.values())


def _plain(interval: Interval | None) -> dict[str, Any] | None:
    return None if interval is None else asdict(interval)


def _floor(random_returns: Mapping[str, float]) -> str:
    """What random actions earn, in a sentence beside the table."""
    returns = ", ".join(f"{value:.1f} on {task}" for task, value in random_returns.items())
    return f"Return of random actions, mean of {EPISODES} episodes: {returns}."


def _page(
    folder: Path,
    plan: Sequence[TrainConfig],
    runs: Sequence[FinishedRun],
    rows: Sequence[dict[str, Any]],
    verdicts: Sequence[Verdict],
    random_returns: Mapping[str, float],
) -> str:
    parts = [*map(_verdict, verdicts), _tiles(plan, runs)]
    if len(runs) < len(plan):
        parts.append(
            html.paragraph(
                f"{len(runs)} of {len(plan)} runs are finished; this report leaves out the others."
            )
        )
    parts.append(html.links([("The table (Markdown)", TABLE), ("All results (JSON)", RESULTS)]))
    for config in _one_of_each_task(plan):
        name, some = config.task, [run for run in runs if run.config.task == config.task]
        if some:
            results = [
                html.table(HEAD[1:], [cells(row)[1:] for row in rows if row["task"] == name]),
                html.paragraph(f"{LEGEND} {_floor({name: random_returns[name]})}"),
                *_costs([row for row in rows if row["task"] == name]),
                html.side_by_side(_pictures(some, config.find_task(), random_returns[name])),
                *_run_links(folder, some),
                *_reading(some, config.find_task()),
            ]
            parts.append(html.section(name, *results))
    parts.append(html.section("Configuration", *_configuration(runs)))
    return html.page(f"Experiment {folder.name}", parts, _page_tone(verdicts))


def _verdict(one: Verdict) -> Markup:
    return html.result(_tone(one), one.headline, [one.details] if one.details else [])


def _tone(one: Verdict) -> html.Tone:
    if one.teaches is None:
        return "open"
    return "good" if one.teaches else "bad"


def _page_tone(verdicts: Sequence[Verdict]) -> html.Tone:
    """That of the worst verdict that there is."""
    tones = {_tone(one) for one in verdicts}
    return next((tone for tone in ("bad", "good") if tone in tones), "open")


def _tiles(plan: Sequence[TrainConfig], runs: Sequence[FinishedRun]) -> Markup:
    summaries = [run.summary for run in runs]
    scored, failed = (
        sum(summary.get(key) or 0 for summary in summaries) for key in ("frames_scored", "frames_failed")
    )
    seconds = sum(summary.get("train_wall_clock_s") or 0.0 for summary in summaries)
    return html.tiles(
        [
            ("runs finished", f"{len(runs)} of {len(plan)}"),
            ("environment steps", f"{sum(run.config.env_steps for run in runs):,}"),
            ("time of training, all runs together", f"{seconds / 60:.0f} min"),
            ("labels: frames that the model was asked about", f"{scored + failed:,}"),
            ("of them without a reward", f"{failed:,}"),
        ]
    )


def _costs(rows: Sequence[Mapping[str, Any]]) -> list[Markup]:
    """What the answers to each arm's runs cost together, where it was counted."""
    told = [(row["arm"], cost) for row in rows if (cost := cost_sentence(row.get("usage")))]
    return [html.paragraph(f"Runs of {arm} together. {cost}") for arm, cost in told]


def _run_links(folder: Path, runs: Sequence[FinishedRun]) -> list[Markup]:
    """The page of each run, by arm; nothing where the runs have none."""
    pages: dict[str, list[Markup]] = {}
    for run in runs:
        page = run.config.folder / REPORT
        if page.is_file():
            words = f"{run.config.seed} {'✓' if run.summary['solved'] else '✗'}"
            target = page.relative_to(folder).as_posix()
            pages.setdefault(run.config.arm.value, []).append(html.link(words, target))
    if not pages:
        return []
    body = [(arm, Markup("&ensp; ").join(links)) for arm, links in pages.items()]
    return [
        html.heading("Pages of the runs"),
        html.paragraph("✓: the final policy solved the task. ✗: it did not."),
        html.table(("arm", "seeds"), body),
    ]


def _configuration(runs: Sequence[FinishedRun]) -> list[Markup]:
    if not runs:
        return []
    configs = [read_json(run.config.folder / CONFIG) for run in runs]
    versions = sorted({described(origin) for config in configs for origin in origins(config)})
    return [
        html.paragraph(f"Code of all runs: {'; '.join(versions)}."),
        html.folded("Options of the first run", html.record(configs[0]["options"])),
    ]


def _pictures(runs: Sequence[FinishedRun], task: Task, random_return: float) -> list[Markup]:
    """The runs of all arms on a task."""
    by_arm: dict[str, list[FinishedRun]] = {}
    for run in runs:
        by_arm.setdefault(run.config.arm.value, []).append(run)
    scores = {arm: scores_of(some) for arm, some in by_arm.items()}
    finals = {arm: finals_of(some) for arm, some in by_arm.items()}
    metrics = {arm: [run.metrics for run in some] for arm, some in by_arm.items()}
    return [
        html.figure_image(
            plot_scores(scores, finals, random_return, task), "score and final true return of every seed"
        ),
        html.figure_image(plot_curves(metrics, "step", task), "true return over environment steps"),
        html.figure_image(plot_curves(metrics, "charts/wall_clock_s", task), "true return over time"),
    ]


def _reading(runs: Sequence[FinishedRun], task: Task) -> list[Markup]:
    """How well the VLM read the frames that the policies of its own arm visited."""
    own = [run for run in runs if run.config.arm.value == "vlm"]
    if not own:
        return []
    rows = [row for run in own for row in read_rows(run.config.folder / LABELS)]
    metrics = [row for run in own for row in run.metrics]
    return [
        html.heading("What the model answered to the frames of its own arm"),
        *truth(metrics, labels_of(rows, task), task),
        sample_grid(own[0].config.folder, task),
    ]
