"""The agent's commands: ``train``, ``demo`` with a server of its own, and ``experiment`` over many runs.

Not for the work itself (``training/train.py``, ``experiment/``).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import tyro
from tqdm import tqdm

from agent.config import ConfigError, TrainConfig
from agent.exit_codes import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_NOT_SOLVED, EXIT_UNFINISHED
from agent.experiment.plan import ExperimentConfig, finished
from agent.experiment.report import write_report as write_experiment_report
from agent.experiment.results import MixedRewardsError, read_runs
from agent.experiment.run_pool import RunPool
from agent.recording.run_folder import CONFIG, FolderLostError
from agent.reporting.run_report import source_of, write_report
from agent.reporting.video import film
from agent.rewards.labeler import RewardsChangedError, max_images_of
from agent.rewards.question import resolve_question
from agent.training.checkpoint_file import CheckpointError
from agent.training.spaces import spaces_of
from agent.training.train import RunStoppedError, Trainer
from reward_client import RewardClient
from reward_client.errors import ConfigurationError, RewardServiceError
from reward_client.local_server import LocalServer, LocalServerError, local_server
from reward_client.schema import ServerInfo
from reward_report.folder_lock import FolderLockedError, FolderLockError, locked

API_KEY = "REWARD_API_KEY"
"""The environment variable that holds the key for the server; empty is none."""

SHIPPED_CHECKPOINT = Path(__file__).parents[1] / "tiny_llava" / "checkpoint"
"""Beside this package, wherever that is installed. A folder of that name elsewhere is somebody else's."""

OWN_SERVER_OUTAGE_S = 15.0
"""A server that we started and that died does not come back."""


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
        ConfigError: two options exclude each other, or the question cannot be asked.
        FolderLockedError: somebody else writes the run's folder.
        FolderLostError: it was moved, removed or replaced meanwhile.
    """
    with locked(config.folder):  # first of all: what the other one writes stays as it is
        return _train(config, progress)


def _train(config: TrainConfig, progress: Callable[[int], None]) -> dict[str, Any]:
    """The same, for whoever holds the folder."""
    spaces_of(config.find_task())  # before a server is waited for
    if (config.folder / CONFIG).exists() and not (config.resume or config.overwrite):
        raise ConfigError(
            f"{config.folder} holds a run already: --resume goes on with it, --overwrite replaces it, or "
            "choose another --name"
        )
    with ExitStack() as stack:
        client = server = question = None
        if config.arm.scores_frames:
            client = stack.enter_context(_client(config))
            server = client.wait_ready(config.wait_ready_s)
            question = resolve_question(config, client, server)
        trainer = Trainer(config, client, server, question, progress)
        try:
            summary = trainer.run()
        except FolderLostError:
            raise  # what is there now is not this run's
        except BaseException:
            with suppress(OSError):  # the first failure is the one to tell
                write_report(config.folder)
            raise
        write_report(config.folder)
        if config.video:
            film(
                config.folder,
                trainer.greedy,
                trainer.task,
                client,
                trainer.question,
                max_images_of(server),
            )
            write_report(config.folder)
    return summary


def train_and_tell(config: TrainConfig, *, holds_folder: bool = False) -> int:
    """Does one run with a progress bar and prints the result.

    Args:
        config: the run's options.
        holds_folder: whether the caller has locked the run's folder.

    Returns:
        The exit code: 0 where the final policy solved the task.
    """
    with tqdm(total=config.env_steps, desc="training", unit="step", smoothing=0.05) as bar:

        def tell(steps: int) -> None:
            bar.update(steps - bar.n)

        summary = (_train if holds_folder else train)(config, tell)
    print(_result(summary, config.folder))
    return 0 if summary["solved"] else EXIT_NOT_SOLVED


def demo(config: DemoConfig) -> int:
    """Runs the demo: starts a server, trains against it, stops it."""
    checkpoint = _shipped_checkpoint() if config.checkpoint is None else config.checkpoint
    with locked(config.train.folder), _own_server(checkpoint, config.port, config.train) as server:
        return train_and_tell(replace(config.train, server_url=server.url), holds_folder=True)


def experiment(config: ExperimentConfig) -> int:
    """Does the runs of an experiment that are not done yet, and reports on all of them.

    Returns:
        The exit code: 0 where all runs are finished.
    """
    started, folder = time.monotonic(), config.train.folder
    with ExitStack() as stack:
        stack.enter_context(locked(folder))  # its runs have locks of their own
        plan = config.plan()
        todo = [run for run in plan if not finished(run)]
        if config.checkpoint is not None and any(run.arm.scores_frames for run in todo):
            server = stack.enter_context(_own_server(config.checkpoint, config.port, config.train))
            todo = [replace(run, server_url=server.url, outage_s=OWN_SERVER_OUTAGE_S) for run in todo]
        scored = [run for run in todo if run.arm.scores_frames]
        if scored:  # what cannot work is told now, not by each run
            with _client(scored[0]) as client:
                server_info = client.wait_ready(config.train.wait_ready_s)
                resolve_question(scored[0], client, server_info)
                _check_reward_id(config, server_info, plan)
        print(f"{len(plan)} runs, {len(plan) - len(todo)} of them already done; {folder}", flush=True)
        deadline = None if config.max_minutes is None else started + 60 * config.max_minutes
        bar = stack.enter_context(
            tqdm(total=sum(run.env_steps for run in todo), unit="step", bar_format="{desc} {percentage:.0f}%")
        )

        def tell(pool: RunPool, ended: int) -> None:
            left_s = pool.seconds_left()
            left = "unknown" if left_s is None else f"{left_s / 60:.0f} min"
            bar.set_description_str(f"{ended} of {len(todo)} runs, {left} left,")
            bar.update(pool.steps_done() - bar.n)

        RunPool(train, todo, config.workers).run(deadline, tell, lambda told: bar.write(told, sys.stderr))
        print("\n" + write_experiment_report(folder, plan, (time.monotonic() - started) / 60))
        left = sum(not finished(run) for run in plan)
        if left:
            print(f"{left} runs are not finished; run the same command again to go on with them")
        print(f"The report is {folder / 'report.html'}")
        return EXIT_UNFINISHED if left else 0


def _check_reward_id(config: ExperimentConfig, server: ServerInfo, plan: Sequence[TrainConfig]) -> None:
    """Refuses a server whose rewards differ in kind from those of the finished runs.

    Raises:
        MixedRewardsError: its rewards have another reward id.
    """
    known = server.rubrics.get(config.train.rubric)
    if known is None or config.train.prompt is not None:
        return  # the reward id of a question of your own comes with the first answer
    earlier = {run.summary["reward_id"] for run in read_runs(plan)} - {None, known.reward_id}
    if earlier:
        raise MixedRewardsError(
            f"the finished runs of this experiment have the reward id {', '.join(earlier)}, but the server "
            f"has {known.reward_id}; choose another --name"
        )


def _client(config: TrainConfig) -> RewardClient:
    """A client of the run's server.

    Raises:
        ConfigError: the address or the key cannot be used; nothing was sent.
    """
    # the key is not a flag: other users see a command line
    key = os.environ.get(API_KEY) or None
    try:
        return RewardClient(config.server_url, api_key=key, retries=None, deadline_s=config.outage_s)
    except ConfigurationError as error:
        raise ConfigError(f"{API_KEY if error.param == 'api_key' else '--server-url'}: {error}") from error


def _shipped_checkpoint() -> str:
    """The folder of the shipped checkpoint.

    Raises:
        ConfigError: this package was installed without it.
    """
    if not (SHIPPED_CHECKPOINT / "config.json").is_file():
        raise ConfigError(
            f"the checkpoint that comes with this package is not in {SHIPPED_CHECKPOINT}; give --checkpoint"
        )
    return str(SHIPPED_CHECKPOINT)


def _own_server(checkpoint: str, port: int, config: TrainConfig) -> AbstractContextManager[LocalServer]:
    _client(config).close()  # what cannot be used is told before the server has loaded its model
    log_file = config.folder / "server.log"
    print(f"starting the reward server (vLLM on the CPU; log in {log_file}); this takes a minute", flush=True)
    # float32: CPUs without bfloat16 instructions emulate them, several times slower.
    arguments = ["--model", checkpoint, "--dtype", "float32"]
    return local_server(arguments, log_file=log_file, port=port, ready_timeout_s=config.wait_ready_s)


def _result(summary: dict[str, Any], folder: Path) -> str:
    source = source_of(summary)
    return (
        f"{'solved' if summary['solved'] else 'NOT solved'}: mean true return "
        f"{summary['mean_return']:.1f} (lowest {summary['min_return']:.0f}) over "
        f"{summary['eval_episodes']} greedy episodes, after {summary['env_steps']} environment steps and "
        f"{summary['train_wall_clock_s']:.0f} s of training on {source} alone "
        f"({summary['frames_failed']} of its frames failed). The report is {folder}/report.html"
    )


def run() -> None:
    """Runs a command; what a person can cause ends with a sentence, not with a traceback."""
    folder = Path()
    try:
        config = tyro.cli(
            Annotated[TrainConfig, tyro.conf.subcommand("train", prefix_name=False)]
            | Annotated[DemoConfig, tyro.conf.subcommand("demo", prefix_name=False)]
            | Annotated[ExperimentConfig, tyro.conf.subcommand("experiment", prefix_name=False)],
            prog="reward-agent",
            config=(tyro.conf.OmitArgPrefixes, tyro.conf.EnumChoicesFromValues),
        )
        folder = config.folder if isinstance(config, TrainConfig) else config.train.folder
        if isinstance(config, TrainConfig):
            code = train_and_tell(config)
        elif isinstance(config, DemoConfig):
            code = demo(config)
        else:
            code = experiment(config)
    except KeyboardInterrupt:
        _stop(f"interrupted; the results so far are in {folder}", EXIT_INTERRUPTED)
    except FolderLockedError as error:
        _stop(f"{error}; wait until it ends, or choose another --name", EXIT_FAILED)
    except (
        CheckpointError,
        ConfigError,
        FolderLockError,
        LocalServerError,
        MixedRewardsError,
        RewardsChangedError,
        RunStoppedError,
    ) as error:
        _stop(str(error), EXIT_FAILED)
    except RewardServiceError as error:
        _stop(f"the reward server failed: {error}. The results so far are in {folder}", EXIT_FAILED)
    except OSError as error:
        _stop(f"{error.strerror or error}: {error.filename or folder}", EXIT_FAILED)
    if code:
        raise SystemExit(code)


def _stop(sentence: str, code: int) -> None:
    print(f"\nreward-agent: {sentence}", file=sys.stderr, flush=True)
    raise SystemExit(code)
