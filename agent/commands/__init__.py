"""The commands of ``reward-agent``, and how each of them ends.

Modules: ``single_run`` (train, demo), ``audit_first``, ``many_runs`` (experiment), ``finished_run``
(evaluate, film), ``servers``. Not for the work itself (``training/``, ``experiment/``).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import tyro

from agent.commands.audit_first import RewardRefusedError
from agent.commands.finished_run import EvaluateConfig, FilmConfig, evaluate, film_finished
from agent.commands.many_runs import experiment
from agent.commands.single_run import DemoConfig, demo, train, train_and_tell
from agent.config import ConfigError, TrainConfig
from agent.exit_codes import EXIT_FAILED, EXIT_REFUSED
from agent.experiment.plan import ExperimentConfig
from agent.experiment.results import MixedRewardsError
from agent.training.saving.checkpoint_file import CheckpointError
from agent.training.train import RunStoppedError
from reward_audit.config import AuditError
from reward_client.errors import RewardServiceError
from reward_client.labeling.same_rewards import RewardsChangedError
from reward_client.processes.local_server import LocalServerError
from reward_report.entry import EXIT_INTERRUPTED
from reward_report.folder_lock import FolderLockedError, FolderLockError

__all__ = ["DemoConfig", "demo", "evaluate", "experiment", "film_finished", "run", "train", "train_and_tell"]


def run() -> None:
    """Runs a command; what a person can cause ends with a sentence, not with a traceback."""
    folder = Path()
    try:
        config = tyro.cli(
            Annotated[TrainConfig, tyro.conf.subcommand("train", prefix_name=False)]
            | Annotated[DemoConfig, tyro.conf.subcommand("demo", prefix_name=False)]
            | Annotated[ExperimentConfig, tyro.conf.subcommand("experiment", prefix_name=False)]
            | Annotated[EvaluateConfig, tyro.conf.subcommand("evaluate", prefix_name=False)]
            | Annotated[FilmConfig, tyro.conf.subcommand("film", prefix_name=False)],
            prog="reward-agent",
            config=(tyro.conf.OmitArgPrefixes, tyro.conf.EnumChoicesFromValues),
        )
        folder = config.train.folder if isinstance(config, DemoConfig | ExperimentConfig) else config.folder
        match config:
            case TrainConfig():
                code = train_and_tell(config)
            case DemoConfig():
                code = demo(config)
            case ExperimentConfig():
                code = experiment(config)
            case EvaluateConfig():
                code = evaluate(config)
            case FilmConfig():
                code = film_finished(config)
    except KeyboardInterrupt:
        _stop(f"interrupted; the results so far are in {folder}", EXIT_INTERRUPTED)
    except FolderLockedError as error:
        _stop(f"{error}; wait until it ends, or choose another --name", EXIT_FAILED)
    except RewardRefusedError as error:
        _stop(str(error), EXIT_REFUSED)
    except (
        AuditError,
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
