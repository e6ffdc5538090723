"""The commands ``train``, which does one run, and ``demo``, which starts a server for it.

Not for the work itself (``training/train.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from agent.commands.audit_first import audit_first, read_audit
from agent.commands.servers import OWN_SERVER_OUTAGE_S, client_of, own_server, shipped_checkpoint
from agent.config import ConfigError, TrainConfig
from agent.exit_codes import EXIT_NOT_SOLVED
from agent.recording.run_folder import (
    CONFIG,
    LABELS,
    SUMMARY,
    FolderLostError,
    read_json,
    read_rows,
)
from agent.reporting.findings import findings, terminal_lines
from agent.reporting.page.answer import source_of
from agent.reporting.refresh.refresher import refreshed
from agent.reporting.run_report import write_report
from agent.reporting.video import film
from agent.rewards.lower_bound import lower_bound_of
from agent.rewards.question import resolve_question
from agent.training.counting.cost import CountedScores
from agent.training.counting.recent import Recent
from agent.training.learner.spaces import spaces_of
from agent.training.saving.run_state import FILE as RUN_STATE
from agent.training.train import Trainer
from agent.training.watching.nulls import Nulls
from reward_client.labeling.labeler import max_images_of
from reward_client.rubric import Rubric
from reward_report.folder_lock import locked
from reward_report.json_file import write_json
from reward_tasks.task import Task


@dataclass(frozen=True)
class DemoConfig:
    """Starts the reward server with the shipped checkpoint, on the CPU, and trains on its rewards."""

    checkpoint: str | None = None
    """the model to serve: a folder or a Hub id; default: the checkpoint that comes with this package"""
    port: int = 8000
    """port of the reward server on this machine"""
    train: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            name="demo", overwrite=True, outage_s=OWN_SERVER_OUTAGE_S, video=True
        )
    )


def train(config: TrainConfig, progress: Callable[[int], None]) -> dict[str, Any]:
    """Does one run, against a server where its arm needs one, and writes its report.

    Returns:
        What ``summary.json`` holds.

    Raises:
        AuditError: the audit before training cannot be done.
        ConfigError: two options exclude each other, or the question cannot be asked.
        RewardRefusedError: that audit refuses the reward.
        FolderLockedError: somebody else writes the run's folder.
        FolderLostError: it was moved, removed or replaced meanwhile.
    """
    with locked(config.folder):  # first of all: what the other one writes stays as it is
        return _train(config, lambda steps, _recent: progress(steps))


def _train(
    config: TrainConfig, tell: Callable[[int, Recent], None], *, refreshes_report: bool = False
) -> dict[str, Any]:
    """The same, for whoever holds the folder.

    Args:
        config: the run's options.
        tell: called with the steps so far, and what the latest of them brought.
        refreshes_report: whether ``report.html`` is written now and then while the run goes.
    """
    spaces_of(config.find_task())  # before a server is waited for
    if (config.folder / CONFIG).exists() and not (config.resume or config.overwrite):
        raise ConfigError(
            f"{config.folder} holds a run already: --resume goes on with it, --overwrite replaces it, or "
            "choose another --name"
        )
    with ExitStack() as stack:
        client = scores = server = question = asked = lower_bound = nulls = None
        if config.arm.scores_frames:
            client = stack.enter_context(client_of(config.server_url, config.outage_s))
            server = client.wait_ready(config.wait_ready_s)
            question = resolve_question(config, client, server)
            asked = question if isinstance(question, Rubric) else client.rubric(question).rubric
            if config.null_terminal == "lower_bound":
                lower_bound = lower_bound_of(asked)
            scores = CountedScores(client)  # those of the audit and the film are no part of training
            nulls = Nulls(scores, question, asked, config.null_share, config.seed)
            begun = config.resume and (config.folder / RUN_STATE).is_file()
            if config.audit_first and not begun:
                audit_first(config, client, question, asked)

        def progress(steps: int) -> None:
            tell(steps, trainer.records.recent)
            if refreshes_report:
                refresher.look()

        trainer = Trainer(config, scores, server, question, progress, lower_bound, nulls)
        try:
            with refreshed(config.folder) as refresher:
                trainer.run()
        except FolderLostError:
            raise  # what is there now is not this run's
        except BaseException:
            with suppress(Exception):  # the first failure is the one to tell
                add_findings(config.folder, trainer.task, asked)
                write_report(config.folder)
            raise
        summary = add_findings(config.folder, trainer.task, asked)
        try:
            if config.video:
                film(
                    config.folder,
                    trainer.greedy,
                    trainer.task,
                    client,
                    trainer.question,
                    max_images_of(server),
                )
        finally:  # the run is finished, whatever becomes of its film
            write_report(config.folder)
    return summary


def add_findings(folder: Path, task: Task, asked: Rubric | None) -> dict[str, Any]:
    """Adds to a run's ``summary.json`` what its labels show of the model's answers, and what audits said.

    Args:
        folder: of the run, with its summary.
        task: what was learned.
        asked: the rubric with its question; None in the arms that need no server.

    Returns:
        What ``summary.json`` holds then.
    """
    config = read_json(folder / CONFIG)
    found = findings(read_rows(folder / LABELS), config, task, asked)
    summary = read_json(folder / SUMMARY)
    before = read_audit(folder, summary["reward_id"], config["options"]["task"])
    told = [before["warning"]] if before and before["warning"] else []
    while_training = (summary["watch"] or {}).get("warnings", [])
    found["warnings"] = [*told, *found["warnings"], *while_training]
    summary = {**summary, **found, "audit": before}
    write_json(folder / SUMMARY, summary)
    return summary


def train_and_tell(config: TrainConfig, *, holds_folder: bool = False) -> int:
    """Does one run with a progress bar and prints the result.

    Args:
        config: the run's options.
        holds_folder: whether the caller has locked the run's folder.

    Returns:
        The exit code: 0 where the final policy solved the task.
    """
    print(f"training; the run's files go to {config.folder}", flush=True)
    with (
        nullcontext() if holds_folder else locked(config.folder),
        tqdm(total=config.env_steps, desc="training", unit="step", smoothing=0.05) as bar,
        logging_redirect_tqdm(),
    ):

        def tell(steps: int, recent: Recent) -> None:
            bar.set_postfix_str(str(recent), refresh=False)
            bar.update(steps - bar.n)

        summary = _train(config, tell, refreshes_report=True)
    print("\n".join([_result(summary, config.folder), *terminal_lines(summary)]))
    return 0 if summary["solved"] else EXIT_NOT_SOLVED


def demo(config: DemoConfig) -> int:
    """Runs the demo: starts a server, trains against it, stops it."""
    checkpoint = shipped_checkpoint() if config.checkpoint is None else config.checkpoint
    with locked(config.train.folder), own_server(checkpoint, config.port, config.train) as server:
        return train_and_tell(replace(config.train, server_url=server.url), holds_folder=True)


def _result(summary: dict[str, Any], folder: Path) -> str:
    source = source_of(summary)
    return (
        f"{'solved' if summary['solved'] else 'NOT solved'}: mean true return "
        f"{summary['mean_return']:.1f} (lowest {summary['min_return']:.0f}) over "
        f"{summary['eval_episodes']} greedy episodes, after {summary['env_steps']} environment steps and "
        f"{summary['train_wall_clock_s']:.0f} s of training on {source} alone "
        f"({summary['frames_failed']} of its frames failed). The report is {folder}/report.html"
    )
