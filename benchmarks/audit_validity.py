"""Does an audit's verdict predict learning? ``make audit-validity`` audits simulated readers, and trains.

Every reader of ``reward_audit/judging/simulated.py`` is audited with several seeds; a DQN learns
CartPoleContinuing-v0 from its rewards with several seeds, beside the true reading, a constant and random
rewards. Reports what the audit said against what was learned. Not for audits of real models
(``reward-audit``).
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from numpy.typing import NDArray
from scipy.stats import kendalltau

from agent.commands import experiment
from agent.config import Arm, TrainConfig
from agent.experiment.plan import ExperimentConfig
from agent.experiment.random_policy import random_return
from agent.experiment.results import FinishedRun, read_runs
from benchmarks.simulated_tasks import SIMULATED_TASKS
from reward_audit.judging.simulated import READERS, States, simulated_evidence, simulated_states
from reward_audit.judging.verdict import EXIT_ACCEPTED, Verdict, judge

CONTROL_TASK = "CartPoleContinuing-v0"
CONTROLS = (Arm.ORACLE, Arm.CONSTANT, Arm.RANDOM)
RESAMPLES = 2_000


@dataclass(frozen=True)
class Options:
    """Audits simulated readers, trains on each, and compares."""

    audit_seeds: int = 20
    """audits of each reader"""
    frames: int = 1_000
    """frames of an audit"""
    seeds: int = 5
    """trainings on each reader"""
    out: Path = Path("docs") / "audit-validity.md"
    """file to write"""
    train: TrainConfig = field(
        default_factory=lambda: TrainConfig(name="audit-validity", env_steps=5_000, epsilon_decay_steps=4_000)
    )


@dataclass(frozen=True)
class Row:
    """What the audit said of a reader, and what was learned from it.

    Attributes:
        name: of the reader.
        verdict: the most frequent verdict on its ranking.
        same: in how many audits it was that.
        accepted: whether that verdict lets a training begin.
        order: how far clearly different frames have the right order, from -1 to 1: the lowest of the audit's
            parts (all frames, grid, visited), the mean over audits.
        scores: for each seed the mean of the greedy curve.
    """

    name: str
    verdict: str
    same: int
    accepted: bool
    order: float
    scores: list[float]


def audited(name: str, options: Options) -> list[Verdict]:
    """The verdicts on one reader, one a seed."""
    # Not the states' own generator: a reader's coins would follow the states that it drew.
    return [
        judge(
            simulated_evidence(READERS[name], _states(options.frames, seed), np.random.default_rng([seed, 1]))
        )
        for seed in range(options.audit_seeds)
    ]


@cache
def _states(frames: int, seed: int) -> States:
    """What all readers are shown with a seed."""
    return simulated_states(frames, np.random.default_rng(seed))


def lowest_order(verdict: Verdict) -> float:
    """The lowest share of right less wrong orders among clearly different frames, over an audit's parts."""
    return min(value for key, value in verdict.ranking.numbers.items() if key.endswith("clear_order"))


def row_of(name: str, scores: list[float], options: Options) -> Row:
    """One reader's row."""
    verdicts = audited(name, options)
    (verdict, same), *_ = Counter(one.ranking.name for one in verdicts).most_common()
    accepted = sum(one.exit_code == EXIT_ACCEPTED for one in verdicts) * 2 > len(verdicts)
    return Row(name, verdict, same, accepted, float(np.mean([lowest_order(v) for v in verdicts])), scores)


def different(rows: list[Row]) -> list[Row]:
    """The rows without those whose rewards are an earlier row's: the same runs do not count twice."""
    first = {tuple(row.scores): row for row in reversed(rows)}
    return [row for row in rows if first[tuple(row.scores)] is row]


def rank_correlation(rows: list[Row], said: NDArray[np.float64]) -> tuple[float, float, float]:
    """Kendall's tau_b of what was said with the mean score, and its 95 % bootstrap interval over readers."""
    learned = np.array([np.mean(row.scores) for row in rows])
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(rows), size=(RESAMPLES, len(rows)))
    taus = [kendalltau(said[one], learned[one]).statistic for one in drawn]
    low, high = np.nanquantile(taus, [0.025, 0.975])
    return float(kendalltau(said, learned).statistic), float(low), float(high)


def train_all(options: Options) -> list[FinishedRun]:
    """Does all runs that are not done yet: on each reader, and the controls.

    Raises:
        SystemExit: some are not finished, with the code of the experiment.
    """
    plans = [
        ExperimentConfig(
            arms=arms,
            tasks=tasks,
            seeds=options.seeds,
            seeds_without_server=options.seeds,
            train=replace(options.train, name=f"{options.train.name}/{name}"),
        )
        for name, arms, tasks in (
            ("controls", CONTROLS, (CONTROL_TASK,)),
            ("readers", (Arm.ORACLE,), tuple(SIMULATED_TASKS)),
        )
    ]
    for plan in plans:
        if code := experiment(plan):
            raise SystemExit(code)
    return [run for plan in plans for run in read_runs(plan.plan())]


def page(rows: list[Row], controls: dict[str, list[float]], chance: float, options: Options) -> str:
    """The table and what follows from it, in Markdown."""
    blind = max(*controls["constant"], *controls["random"])
    bar = blind + 0.5 * (float(np.mean(controls["oracle"])) - chance)
    taught = {row.name: bool(np.mean(row.scores) >= bar) for row in rows}
    apart = different(rows)
    level = np.array([2.0 if r.verdict == "trustworthy" else float(r.accepted) for r in apart])
    by_order = rank_correlation(apart, np.array([row.order for row in apart]))
    by_level = rank_correlation(apart, level)
    lines = [
        "# Does the audit's verdict predict learning?",
        "",
        "Written by `make audit-validity`; do not edit. Readings and nulls are simulated, so no engine is "
        f"needed and no frame is drawn: each reader is judged {options.audit_seeds} times on "
        f"{options.frames:,} states of CartPole-v1, half of them from a grid within 15 degrees of upright, "
        f"half such as policies visit. A DQN then learns {CONTROL_TASK}, **where the pole also hangs**, from "
        f"its rewards for {options.train.env_steps:,} steps with {options.seeds} seeds. There the reward of "
        "`saturated_12` is the environment's own. "
        "The score is the mean of the greedy curve (true return, 500 at most). A reader *teaches* where its "
        f"mean score is at least {bar:.0f}: the best seed of the blind controls, plus half of what the true "
        "reading has over a random policy.",
        "",
        f"A random policy has {chance:.0f}; "
        + ", ".join(
            f"`{arm}` {np.mean(scores):.0f} ({min(scores):.0f} to {max(scores):.0f})"
            for arm, scores in controls.items()
        )
        + ".",
        "",
        "| reader | what it does | verdict on its ranking | audits with it | right order | score | teaches |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| `{r.name}` | {READERS[r.name].about} | {r.verdict} | {r.same} of {options.audit_seeds} | "
            f"{r.order:.2f} | {np.mean(r.scores):.0f} ({min(r.scores):.0f} to {max(r.scores):.0f}) | "
            f"{'yes' if taught[r.name] else 'no'} |"
            for r in sorted(rows, key=lambda r: -float(np.mean(r.scores)))
        ),
        "",
        "| | teaches | does not |",
        "|---|---|---|",
        *(
            f"| {words} | {_named(rows, taught, accepted, True)} | {_named(rows, taught, accepted, False)} |"
            for words, accepted in (("accepted", True), ("refused, or cannot tell", False))
        ),
        "",
        f"Kendall's τ_b between the audit's order and the score: {_interval(by_order)}; between the verdict "
        f"(refused, with care, trustworthy) and the score: {_interval(by_level)} (95 %, bootstrap over "
        f"the {len(apart)} readers whose rewards differ: {_same_rewards(rows, apart)}). With three verdicts "
        "most pairs are tied in the verdict, and the "
        f"highest τ_b that it can have is {_highest(level):.2f}.",
        "",
    ]
    return "\n".join(lines)


def _named(rows: list[Row], taught: dict[str, bool], accepted: bool, teaches: bool) -> str:
    names = [row.name for row in rows if row.accepted == accepted and taught[row.name] == teaches]
    return f"{len(names)}: {', '.join(f'`{name}`' for name in names)}" if names else "0"


def _same_rewards(rows: list[Row], apart: list[Row]) -> str:
    """Which readers give the rewards of another one."""
    names = {tuple(row.scores): row.name for row in apart}
    return ", ".join(
        f"`{row.name}` gives those of `{names[tuple(row.scores)]}`" for row in rows if row not in apart
    )


def _interval(found: tuple[float, float, float]) -> str:
    return f"{found[0]:.2f} [{found[1]:.2f}, {found[2]:.2f}]"


def _highest(level: NDArray[np.float64]) -> float:
    """tau_b of a ranking without ties that agrees with ``level`` wherever it can."""
    return float(kendalltau(level, np.argsort(np.argsort(level, kind="stable"))).statistic)


def main() -> None:
    """Command line: trains what is missing, audits, and writes the page."""
    options = tyro.cli(Options, config=(tyro.conf.OmitArgPrefixes,))
    scores: dict[str, list[float]] = {}
    controls: dict[str, list[float]] = {}
    for run in train_all(options):
        if run.score is not None:
            control = run.config.task == CONTROL_TASK
            key = run.config.arm.value if control else SIMULATED_TASKS[run.config.task].reader.name
            (controls if control else scores).setdefault(key, []).append(run.score)
    wanted = {*READERS, *(arm.value for arm in CONTROLS)}
    if missing := sorted(wanted - scores.keys() - controls.keys()):
        raise SystemExit(f"no finished run of {', '.join(missing)}; the same command goes on")
    rows = [row_of(name, scores[name], options) for name in READERS]
    chance = random_return(replace(options.train, task=CONTROL_TASK))
    text = page(rows, controls, chance, options)
    options.out.write_text(text)
    record: dict[str, Any] = {
        "rows": [vars(row) for row in rows],
        "controls": controls,
        "random_policy": chance,
    }
    (options.train.folder / "audit-validity.json").write_text(json.dumps(record, indent=2) + "\n")
    print(text)


if __name__ == "__main__":
    main()
